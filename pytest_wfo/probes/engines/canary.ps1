# The canary test on a Windows host: files with a text that every scanner must detect, in places where the
# site wants nothing detected, and one, the control, where nothing is excluded. windows.py sends it after
# files.ps1 at level canary alone. The text comes turned by 47 places and is put together in memory.
#
# A folder is tried with .com, which nobody excludes; an extension in a new folder below %TEMP%, which
# nobody excludes either. Detections stay in the product's history; nothing of it is removed.

function Get-CanaryText($Turned) {
    [char[]]$letters = @(foreach ($letter in $Turned.ToCharArray()) { 33 + (([int]$letter - 33 + 47) % 94) })
    -join $letters
}

# Defender must be at work if it is the one that counts; another product is judged by the control alone.
function Assert-Scanner {
    $defender = $null
    try {
        $query = 'SELECT AMRunningMode, RealTimeProtectionEnabled, AntivirusSignatureAge FROM MSFT_MpComputerStatus'
        $defender = Get-Rows 'root/Microsoft/Windows/Defender' $query
    } catch { return }
    $planted.defender = [string]$defender.AMRunningMode -like 'Normal*'
    if (-not $planted.defender) { return }
    if (-not $defender.RealTimeProtectionEnabled) { throw 'defender-off' }
    if ([long]$defender.AntivirusSignatureAge -ge 7) { throw 'defender-old' }
}

function Watch-Control {
    if ($null -ne $planted.detected) { return }
    $fate = Get-Fate $planted.control
    if ($fate.state -ne 'unchanged') { $planted.detected = $fate.milliseconds }
}

function Start-Canary($Task) {
    Assert-Scanner
    $planted.began = [datetime]::UtcNow
    $planted.detected = $null
    $name = "wfo-canary-$($Task.run)"
    $neutral = Get-Neutral $name
    if (-not $neutral) { throw 'nowhere-to-write' }
    $text = Get-CanaryText $Task.payload
    Add-File 'control' $neutral $name '.com' $text
    $planted.control = $planted.files[-1]
    foreach ($extension in $Task.extensions) { Add-File 'subject' $neutral $name $extension $text }
    foreach ($folder in $planted.present) { Add-File 'subject' $folder $name '.com' $text }
    $planted.last = [datetime]::UtcNow
    # Reading is what makes a scanner look; how soon it acts decides how long the others are left alone.
    foreach ($round in 1..10) {
        Watch-Control
        if ($null -ne $planted.detected) { break }
        Start-Sleep -Milliseconds 200
    }
    foreach ($file in $planted.files) { if ($file.kind -eq 'subject') { $null = Get-Fate $file } }
}

function Get-Scanner {
    $folder = "$env:ProgramData\Microsoft\Windows Defender\Platform"
    $versions = @(Get-ChildItem -LiteralPath $folder -ErrorAction SilentlyContinue | Where-Object { $_.Name -match '^[\d.]+' })
    $newest = $versions | Sort-Object { [version]($_.Name -replace '[^\d.].*$', '') } | Select-Object -Last 1
    foreach ($program in @("$folder\$($newest.Name)\MpCmdRun.exe", "$env:ProgramFiles\Windows Defender\MpCmdRun.exe")) {
        if (Test-Path -LiteralPath $program) { return $program }
    }
}

function New-Scan($Kind, $File, $State, $Detail) {
    @{ kind = $Kind; extension = $File.extension; path = $File.path; state = $State; detail = $Detail; milliseconds = 0 }
}

# With -DisableRemediation exclusions do not count and nothing is removed: the control. Without it the
# file must be there unchanged: exit code 0 alone also stands for "found and removed".
function Invoke-Scans($Program) {
    foreach ($file in $planted.files) {
        if ($file.kind -ne 'subject' -or (Get-Fate $file).state -ne 'unchanged') { continue }
        if (([datetime]::UtcNow - $planted.began).TotalSeconds -gt 80) { continue }
        $path = $file.path
        $ran = Invoke-Tool { & $Program -Scan -ScanType 3 -File $path -DisableRemediation }
        $words = "MpCmdRun -DisableRemediation: exit code $($ran.code)"
        $state = 'error'
        if ($ran.code -eq 2) { $state = 'found' } elseif ($ran.code -eq 0) { $state = 'clean' }
        New-Scan 'scan-control' $file $state $words
        $ran = Invoke-Tool { & $Program -Scan -ScanType 3 -File $path }
        $after = (Get-Fate $file).state
        $state = 'error'
        if ($after -ne 'unchanged' -or $ran.code -eq 2) { $state = 'found' } elseif ($ran.code -eq 0) { $state = 'clean' }
        New-Scan 'scan-subject' $file $state "MpCmdRun: exit code $($ran.code), the file is $after"
    }
}

function Stop-Canary($Task) {
    $limit = $Task.canary_seconds
    while ($null -eq $planted.detected -and ([datetime]::UtcNow - $planted.began).TotalSeconds -lt $limit) {
        Watch-Control
        Start-Sleep -Milliseconds 200
    }
    if ($null -ne $planted.detected) {
        $wait = 3 * $planted.detected / 1000
        if ($wait -lt $limit / 3) { $wait = $limit / 3 }
        if ($wait -gt $limit) { $wait = $limit }
        Wait-Until $planted.last $wait
    }
    $rows = @(foreach ($file in $planted.files) { if ($file.kind -ne 'survival') { Get-Fate $file } })
    $program = $null
    if ($planted.defender) { $program = Get-Scanner }
    if ($program) { $rows += @(Invoke-Scans $program) }
    @{
        rows = $rows
        detected = ConvertTo-Number $planted.detected
        began = $planted.began.Ticks
        ended = [datetime]::UtcNow.Ticks
    }
}
