# Tries TCP connections from a Windows host. windows.py sends it before windows.ps1, which calls
# Add-Probes. Sockets are .NET, so this needs FullLanguage; PowerShell 3 to 7.
#
# It reports numbers and the first bytes that a peer said; what they mean is decided in Python.

# Numbers say what failed: the texts of exceptions are in the host's language.
function Get-Cause($Exception) {
    $cause = @{ code = $null; tls = $false; number = 0 }
    for ($one = $Exception; $null -ne $one; $one = $one.InnerException) {
        $cause.number = [long]$one.HResult
        if ($one -is [Security.Authentication.AuthenticationException]) { $cause.tls = $true }
        if ($one -is [ComponentModel.Win32Exception]) { $cause.number = [long]$one.NativeErrorCode }
        if ($one -is [Net.Sockets.SocketException]) { $cause.code = [int]$one.SocketErrorCode }
    }
    $cause
}

function Start-Attempt($Talk) {
    $Talk.began = $watch.ElapsedMilliseconds
    $Talk.code = $null
    $Talk.socket = $null
    try {
        $address = [Net.IPAddress]$Talk.address
        $Talk.socket = New-Object Net.Sockets.Socket @($address.AddressFamily, [Net.Sockets.SocketType]::Stream, [Net.Sockets.ProtocolType]::Tcp)
        $Talk.waiting = $Talk.socket.BeginConnect($address, $Talk.port, $null, $null)
    } catch {
        $cause = Get-Cause $_.Exception
        $Talk.code = $cause.code
        if ($null -eq $cause.code) { $Talk.code = -2 }
        $Talk.number = $cause.number
        if ($null -ne $Talk.socket) { $Talk.socket.Close() }
    }
}

# Code 0: connected; -1: no answer in time; -2: not a matter of the network; else Winsock's number.
function Wait-Attempts($Talks, $Milliseconds) {
    $until = $watch.ElapsedMilliseconds + $Milliseconds
    while ($true) {
        $over = $watch.ElapsedMilliseconds -ge $until
        $pending = $false
        foreach ($talk in $Talks) {
            if ($null -ne $talk.code) { continue }
            if (-not $talk.waiting.IsCompleted) {
                $pending = $true
                if ($over) { $talk.code = -1; $talk.took = $watch.ElapsedMilliseconds - $talk.began; $talk.socket.Close() }
                continue
            }
            $talk.took = $watch.ElapsedMilliseconds - $talk.began
            try {
                $talk.socket.EndConnect($talk.waiting)
                $talk.code = 0
            } catch {
                $cause = Get-Cause $_.Exception
                $talk.code = $cause.code
                if ($null -eq $cause.code) { $talk.code = -2 }
                $talk.number = $cause.number
                $talk.socket.Close()
            }
        }
        if ($over -or -not $pending) { return }
        Start-Sleep -Milliseconds 20
    }
}

function Get-Request($Talk) {
    $text = '<policy-file-request/>'
    if ($Talk.transport -ne 'silverlight-policy') {
        $name = $Talk.address
        if ($name.Contains(':')) { $name = "[$name]" }
        $text = "GET / HTTP/1.1`r`nHost: $name`r`nUser-Agent: pytest-wfo`r`nConnection: close`r`n`r`n"
    }
    ,[Text.Encoding]::ASCII.GetBytes($text)
}

function Test-Enough($Talk) {
    if ($Talk.words.Length -ge 4096) { return $true }
    if ($Talk.transport -eq 'silverlight-policy') {
        $last = $Talk.words[$Talk.words.Length - 1]
        return [int]$last -eq 0 -or [regex]::Matches($Talk.words, '-policy>').Count -ge 2
    }
    $Talk.words.Contains("`n")
}

function Add-Words($Talk, $Buffer, $Count) {
    # ISO 8859-1: one character a byte, whatever the bytes are.
    $Talk.words += [Text.Encoding]::GetEncoding(28591).GetString($Buffer, 0, $Count)
    if (Test-Enough $Talk) { $Talk.end = 'said' }
}

function Stop-Talk($Talk, $End, $Number) {
    $Talk.end = $End
    $Talk.number = $Number
    if ($Talk.words) { $Talk.end = 'said' }
}

function Read-Plain($Talks) {
    [byte[]]$buffer = @(0) * 4096
    foreach ($talk in $Talks) {
        $talk.until = $watch.ElapsedMilliseconds + 4000
        try {
            [void]$talk.socket.Send((Get-Request $talk))
        } catch {
            # It may have spoken before it closed: that is read below.
            $talk.until = $watch.ElapsedMilliseconds + 500
        }
    }
    $pending = @($Talks)
    while ($pending.Count) {
        foreach ($talk in $pending) {
            try {
                while (-not $talk.end -and $talk.socket.Poll(0, [Net.Sockets.SelectMode]::SelectRead)) {
                    $count = $talk.socket.Receive($buffer)
                    if ($count -eq 0) { Stop-Talk $talk 'closed' 0 } else { Add-Words $talk $buffer $count }
                }
                if (-not $talk.end -and $watch.ElapsedMilliseconds -ge $talk.until) { Stop-Talk $talk 'silent' 0 }
            } catch {
                Stop-Talk $talk 'reset' (Get-Cause $_.Exception).number
            }
        }
        $pending = @($pending | Where-Object { -not $_.end })
        if ($pending.Count) { Start-Sleep -Milliseconds 20 }
    }
}

# One after the other: the callback runs in this thread only. Whom we talk to is not asked here, only
# whether TLS is spoken: the certificate goes into the report.
function Read-Tls($Talk, $Protocols) {
    [byte[]]$buffer = @(0) * 4096
    $stream = New-Object Net.Sockets.NetworkStream @($Talk.socket, $false)
    $stream.ReadTimeout = 4000
    $stream.WriteTimeout = 4000
    $accept = [Net.Security.RemoteCertificateValidationCallback]{ $true }
    $tls = New-Object Net.Security.SslStream @($stream, $true, $accept)
    try {
        $tls.AuthenticateAsClient($Talk.address, $null, [Security.Authentication.SslProtocols]$Protocols, $false)
        $Talk.protocol = [int]$tls.SslProtocol
        $Talk.certificate = [Convert]::ToBase64String($tls.RemoteCertificate.GetRawCertData())
        $request = Get-Request $Talk
        $tls.Write($request, 0, $request.Length)
        while (-not $Talk.end) {
            $count = $tls.Read($buffer, 0, $buffer.Length)
            if ($count -le 0) { Stop-Talk $Talk 'closed' 0 } else { Add-Words $Talk $buffer $count }
        }
    } catch {
        $cause = Get-Cause $_.Exception
        if ($cause.code -eq 10060 -or $cause.code -eq 10035) { $end = 'silent' }
        elseif ($null -ne $cause.code) { $end = 'reset' }
        elseif ($cause.tls) { $end = 'tls' }
        else { $end = 'closed' }
        Stop-Talk $Talk $end $cause.number
    }
}

# What chance may explain: no connection, a reset, no word. (Windows repeats a SYN that was refused
# and one that was lost, so 4 s tell these two apart.)
function Get-Doubt($Talk) {
    if (@(-1, 10054, 10060) -contains $Talk.code) { return 'connect' }
    if ($Talk.code -eq 0 -and @('silent', 'reset') -contains $Talk.end) { return 'talk' }
}

function New-Talk($Target, $Doubts) {
    @{
        index = [int]$Target.index
        address = [string]$Target.address
        port = [int]$Target.port
        transport = [string]$Target.transport
        doubts = $Doubts
        code = $null
        took = 0
        end = $null
        number = 0
        protocol = 0
        words = ''
        certificate = ''
    }
}

function Invoke-Tls($Talk) {
    # TLS 1.0 to 1.2, then 1.3: no one call offers all of them on every Windows.
    foreach ($protocols in @(4032, 12288)) {
        $try = New-Talk $Talk @()
        Start-Attempt $try
        Wait-Attempts @($try) 4000
        if ($try.code -eq 0) {
            Read-Tls $try $protocols
            $try.socket.Close()
        }
        # If neither does, the first answer stands.
        if ($protocols -eq 4032 -or $try.certificate) {
            foreach ($name in @('code', 'took', 'end', 'number', 'protocol', 'certificate', 'words')) { $Talk.$name = $try.$name }
        }
        if ($Talk.code -ne 0 -or $Talk.certificate -or $Talk.end -eq 'silent') { return }
    }
}

function Invoke-Plain($Talks, $Pace) {
    foreach ($talk in $Talks) {
        Start-Attempt $talk
        if ($Pace) { Start-Sleep -Milliseconds $Pace }
    }
    Wait-Attempts $Talks 4000
    $open = @($Talks | Where-Object { $_.code -eq 0 })
    Read-Plain @($open | Where-Object { $_.transport -ne 'tcp' -and $_.transport -ne 'https' })
    foreach ($talk in $open) { $talk.socket.Close() }
}

function Get-Doubtful($Talks) {
    foreach ($talk in $Talks) {
        $doubt = Get-Doubt $talk
        if ($doubt -and $talk.doubts -notcontains $doubt) { New-Talk $talk @($talk.doubts + $doubt) }
    }
}

# A row for every attempt, in their order. What chance may explain is tried again, and slower: a limit
# on the rate of SYNs must not look like a closed way. TLS comes last, as its handshakes take turns.
function Test-Connections($Targets) {
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $talks = @(foreach ($target in $Targets) { New-Talk $target @() })
    $done = @()
    $secure = @()
    $pace = 0
    while ($talks.Count) {
        Invoke-Plain $talks $pace
        foreach ($talk in $talks) {
            if ($talk.transport -eq 'https' -and $talk.code -eq 0) { $secure += $talk } else { $done += $talk }
        }
        $talks = @(Get-Doubtful $talks)
        if ($talks.Count) { $pace = [Math]::Min(50, [int](2000 / $talks.Count)) }
    }
    while ($secure.Count -and $watch.ElapsedMilliseconds -lt 60000) {
        foreach ($talk in $secure) {
            if ($watch.ElapsedMilliseconds -lt 60000) { Invoke-Tls $talk } else { $talk.end = 'late' }
        }
        $done += $secure
        $secure = @(Get-Doubtful $secure)
    }
    $latin = [Text.Encoding]::GetEncoding(28591)
    foreach ($talk in $done) {
        @{
            index = $talk.index
            code = $talk.code
            took = [long]$talk.took
            end = $talk.end
            number = [long]$talk.number
            protocol = $talk.protocol
            words = [Convert]::ToBase64String($latin.GetBytes($talk.words))
            certificate = $talk.certificate
        }
    }
}

# What was asked stands in the answer, too.
function Add-Probes($Targets) {
    Add-Section 'asked' {
        New-List @(foreach ($target in $Targets) {
            @{
                index = ConvertTo-Number $target.index
                address = ConvertTo-Text $target.address 64
                port = ConvertTo-Number $target.port
                transport = ConvertTo-Text $target.transport 32
            }
        })
    }
    Add-Section 'probes' {
        Assert-FullLanguage
        New-List (Test-Connections $Targets)
    }
}
