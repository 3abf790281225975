# Test files on a Windows host: written at the start, looked at again at the end. windows.py sends this
# where a run may write; the kit of docs/jea.md never holds it. PowerShell 3 to 7, every language mode.
#
# It creates wfo-probe-RUN.EXT in the folders of WFO and in one folder wfo-probe-RUN below %TEMP%, and
# removes exactly these, also when it is interrupted. A file is made and filled in one step, which fails
# where its name is taken. The content is ASCII, which every version writes and reads alike.

$WfoWriter = $true

function New-Content($Extension, $Run) {
    if ($Extension -eq '.log') { return "2026-01-01 00:00:00 INFO  wfo-probe-${Run}: test file`r`n" }
    if ($Extension -eq '.xml') { return "<?xml version=`"1.0`"?>`r`n<test run=`"wfo-probe-$Run`"/>`r`n" }
    [char[]]$noise = @(foreach ($round in 1..8) { Get-Random -InputObject (0..127) -Count 128 | ForEach-Object { $_ } })
    $text = (-join $noise).Substring($Run.Length) + $Run
    if ($Extension -eq '.wav') {
        # One channel, 8 bits, 8 kHz, 1024 samples.
        [char[]]$head = @(82, 73, 70, 70, 36, 4, 0, 0, 87, 65, 86, 69, 102, 109, 116, 32, 16, 0, 0, 0, 1, 0, 1, 0) +
            @(64, 31, 0, 0, 64, 31, 0, 0, 1, 0, 8, 0, 100, 97, 116, 97, 0, 4, 0, 0)
        $text = (-join $head) + $text
    }
    $text
}

function Get-Mark($Path) {
    $item = Get-Item -LiteralPath $Path -Force -ErrorAction Stop
    $rights = ''
    try { $rights = [string](Get-Acl -LiteralPath $Path -ErrorAction Stop).Sddl } catch { $rights = '' }
    @{ size = [long]$item.Length; attributes = [string]$item.Attributes; rights = $rights }
}

# 225: the system refused because of a virus.
function Get-Reason($Record) {
    $number = [long]0
    for ($one = $Record.Exception; $null -ne $one; $one = $one.InnerException) { $number = [long]$one.HResult }
    if (($number -band 0xffff) -eq 225) { return 'virus' }
    (ConvertTo-Failure $Record).said
}

function Add-File($Kind, $Folder, $Name, $Extension, $Content) {
    $path = ($Folder -replace '[\\/]+$', '') + '\' + $Name + $Extension
    $file = @{ kind = $Kind; extension = $Extension; path = $path; content = $Content; mine = $false; mark = $null; why = '' }
    $file.since = [datetime]::UtcNow
    try {
        if (Test-Path -LiteralPath $path) { throw 'the name is taken' }
        $file.mine = $true
        $planted.files += $file
        $null = New-Item -ItemType File -Path $path -Value $Content -ErrorAction Stop
    } catch {
        $file.why = Get-Reason $_
        if (-not $file.mine) { $planted.files += $file }
        return
    }
    try { $file.mark = Get-Mark $path } catch { }
}

function Get-Fate($File) {
    $seconds = ([datetime]::UtcNow - $File.since).TotalMilliseconds
    $fate = @{
        kind = $File.kind
        extension = $File.extension
        path = $File.path
        state = 'unwritten'
        detail = $File.why
        milliseconds = [long]$seconds
    }
    if ($File.why) { return $fate }
    # An indexer may have it open for a moment.
    foreach ($round in 1..4) {
        try {
            $text = Get-Content -LiteralPath $File.path -Raw -Force -ErrorAction Stop
            $now = Get-Mark $File.path
            $fate.detail = ''
            $fate.state = 'unchanged'
            if ($text -cne $File.content -or $now.size -ne $File.content.Length) {
                $fate.state = 'changed'
                $fate.detail = 'content'
            } elseif ($null -ne $File.mark) {
                $other = @(foreach ($name in @('attributes', 'rights')) {
                    $was, $is = $File.mark[$name], $now[$name]
                    if ($was -and $is -and $was -cne $is) { "$name were $was, are $is" }
                })
                if ($other.Count) { $fate.state = 'changed'; $fate.detail = $other -join '; ' }
                elseif (-not ($was -and $is)) { $fate.detail = 'rights not seen' }
            } else { $fate.detail = 'rights not seen' }
            return $fate
        } catch {
            if ([string]$_.CategoryInfo.Category -eq 'ObjectNotFound') {
                $fate.state = 'gone'
                $fate.detail = ''
                return $fate
            }
            $fate.state = 'refused'
            $fate.detail = Get-Reason $_
        }
        if ($fate.detail -eq 'virus') { return $fate }
        Start-Sleep -Milliseconds 300
    }
    $fate
}

function Get-Neutral($Name) {
    try {
        if (-not (Test-Path -LiteralPath $env:TEMP -PathType Container)) { return }
        $folder = "$env:TEMP\$Name"
        if (Test-Path -LiteralPath $folder) { return }
        $planted.folders += $folder
        $null = New-Item -ItemType Directory -Path $folder -ErrorAction Stop
        $folder
    } catch { }
}

# Of an earlier run's files is told, too.
function Get-Present($Folders) {
    foreach ($folder in $Folders) {
        if (-not (Test-Path -LiteralPath $folder -PathType Container)) { continue }
        foreach ($name in @('wfo-probe-*', 'wfo-canary-*')) {
            foreach ($item in Get-ChildItem -LiteralPath $folder -Filter $name -Force -ErrorAction SilentlyContinue) {
                $planted.left += ($folder -replace '[\\/]+$', '') + '\' + $item.Name
            }
        }
        $folder
    }
}

function Start-Files($Task) {
    $planted.present = @(Get-Present $Task.folders)
    $neutral = Get-Neutral "wfo-probe-$($Task.run)"
    foreach ($extension in $Task.types) {
        $content = New-Content $extension $Task.run
        foreach ($folder in @($planted.present) + @($neutral)) {
            if ($folder) { Add-File 'survival' $folder "wfo-probe-$($Task.run)" $extension $content }
        }
    }
    $planted.since = [datetime]::UtcNow
}

function Wait-Until($Since, $Seconds) {
    while (([datetime]::UtcNow - $Since).TotalSeconds -lt $Seconds) { Start-Sleep -Milliseconds 100 }
}

function Stop-Files($Task) {
    Wait-Until $planted.since $Task.seconds
    New-List @(foreach ($file in $planted.files) { if ($file.kind -eq 'survival') { Get-Fate $file } })
}

function Clear-Files {
    foreach ($file in $planted.files) {
        if (-not $file.mine) { continue }
        try { Remove-Item -LiteralPath $file.path -Force -ErrorAction Stop } catch { }
        if (Test-Path -LiteralPath $file.path) { $planted.left += $file.path } else { $file.mine = $false }
    }
    foreach ($folder in $planted.folders) {
        if (-not (Test-Path -LiteralPath $folder)) { continue }
        # What somebody else laid there stays, and is told.
        if (-not @(Get-ChildItem -LiteralPath $folder -Force -ErrorAction SilentlyContinue).Count) {
            try { Remove-Item -LiteralPath $folder -ErrorAction Stop } catch { }
        }
        if (Test-Path -LiteralPath $folder) { $planted.left += $folder }
    }
    $planted.folders = @()
}
