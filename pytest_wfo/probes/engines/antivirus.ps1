# What a Windows host says of its antivirus products; part of windows.ps1, whose functions it uses.
# Lists are read whole or said to be cut; what may not be read is said, section by section.

function Get-Entries($Values) {
    New-List @(foreach ($value in $Values) { if ($null -ne $value) { ConvertTo-Text $value 1024 } })
}

function ConvertTo-Ticks($Time) {
    if ($Time -is [datetime]) { $Time.ToUniversalTime().Ticks } else { $null }
}

# A key and those below it: some products number their entries.
function Add-Keys($Path, $Depth) {
    Add-Key $Path
    if ($Depth -lt 1 -or -not $registry[$Path].present) { return }
    try {
        $below = @(Get-ChildItem -LiteralPath $Path -ErrorAction Stop)
        if ($below.Count -gt 500) { throw 'too-much-text' }
        foreach ($key in $below) { Add-Keys "$Path\$($key.PSChildName)" ($Depth - 1) }
    } catch {
        $registry[$Path] = ConvertTo-Failure $_
    }
}

# Installed programs; only those leave the host that may be an antivirus.
function Get-Installed {
    $wanted = 'anti-?(virus|malware)|endpoint|defender|security client|symantec|norton|mcafee|trellix|trend ?micro|' +
        'sophos|\beset\b|kaspersky|bitdefender|crowdstrike|sentinel|cortex|cylance|carbon ?black|webroot|avast|\bavg\b|avira|' +
        'f-secure|withsecure|panda|malwarebytes|clam|g data|comodo|check point|forti|cybereason|dr\.?web|ahnlab|emsisoft'
    foreach ($branch in @('', '\WOW6432Node')) {
        $key = "HKLM:\SOFTWARE$branch\Microsoft\Windows\CurrentVersion\Uninstall"
        foreach ($one in @(Get-ItemProperty -Path "$key\*" -ErrorAction SilentlyContinue -ErrorVariable lost)) {
            if ("$($one.DisplayName) $($one.Publisher)" -notmatch $wanted -or -not $one.DisplayName) { continue }
            @{
                name = ConvertTo-Text $one.DisplayName 256
                publisher = ConvertTo-Text $one.Publisher 256
                version = ConvertTo-Text $one.DisplayVersion 64
            }
        }
        foreach ($failure in $lost) { if ([string]$failure.CategoryInfo.Category -ne 'ObjectNotFound') { throw $failure } }
    }
}

function Get-Removals($Log) {
    # 1006 to 1119: something was detected, and what was done (Microsoft, "Review event logs").
    $filter = @{
        LogName = $Log
        Id = @(1006, 1007, 1008, 1116, 1117, 1118, 1119)
        StartTime = [datetime]::UtcNow.AddDays(-90)
    }
    try {
        $found = @(Get-WinEvent -FilterHashtable $filter -MaxEvents 500 -ErrorAction Stop)
    } catch {
        if ($_.FullyQualifiedErrorId -notmatch 'NoMatchingEventsFound') { throw }
        return
    }
    foreach ($one in $found) {
        # Its fields have English names in every language; its message has not.
        $fields = @{}
        foreach ($field in ([xml]$one.ToXml()).Event.EventData.Data) { $fields[[string]$field.Name] = $field.'#text' }
        @{
            id = ConvertTo-Number $one.Id
            at = ConvertTo-Ticks $one.TimeCreated
            path = ConvertTo-Text $fields['Path'] 4000
            threat = ConvertTo-Text $fields['Threat Name'] 256
            action = ConvertTo-Text $fields['Action ID'] 16
            detection = ConvertTo-Text $fields['Detection ID'] 64
        }
    }
}

# What Defender's own program says of the folders, if it is new enough to know the question.
function Get-Opinions($Folders) {
    $found = @(
        Get-ChildItem -LiteralPath "$env:ProgramData\Microsoft\Windows Defender\Platform" -ErrorAction Stop |
            Where-Object { $_.Name -match '^\d+(\.\d+){3}(-\d+)?$' } |
            Sort-Object -Property @{ Expression = { [version]($_.Name -replace '-.*') } } -Descending
    )
    if (-not $found.Count -or [version]($found[0].Name -replace '-.*') -lt [version]'4.18.2111.5') { throw 'too-old-to-ask' }
    $program = "$env:ProgramData\Microsoft\Windows Defender\Platform\$($found[0].Name)\MpCmdRun.exe"
    $until = [datetime]::UtcNow.AddSeconds(20)
    foreach ($folder in @($Folders | Select-Object -First 16)) {
        # A path of the network would make the host log in there; one that does not exist is not judged.
        if ($folder -notmatch '^[A-Za-z]:[\\/]' -or [datetime]::UtcNow -gt $until) { continue }
        if ((Get-Stat $folder).kind -ne 'directory') { continue }
        $bare = $folder -replace '(?<=[^:])[\\/]+$'
        $said = Invoke-Tool { & $program -CheckExclusion -Path $bare 2>$null }
        @{ path = $folder; code = $said.code }
    }
}

function Add-Defender($Folders) {
    $space = 'root/Microsoft/Windows/Defender'
    # All columns, since a query that names one which an older version lacks fails.
    Add-Section 'av_status' {
        $status = Get-Rows $space 'SELECT * FROM MSFT_MpComputerStatus'
        if ($null -eq $status) { throw 'value-missing' }
        @{
            mode = ConvertTo-Text $status.AMRunningMode 64
            service = ConvertTo-Number $status.AMServiceEnabled
            antivirus = ConvertTo-Number $status.AntivirusEnabled
            realtime = ConvertTo-Number $status.RealTimeProtectionEnabled
            access = ConvertTo-Number $status.OnAccessProtectionEnabled
            tamper = ConvertTo-Number $status.IsTamperProtected
            version = ConvertTo-Text $status.AMProductVersion 64
            engine = ConvertTo-Text $status.AMEngineVersion 64
            age = ConvertTo-Number $status.AntivirusSignatureAge
        }
    }
    Add-Section 'av_preferences' {
        $found = Get-Rows $space 'SELECT * FROM MSFT_MpPreference'
        if ($null -eq $found) { throw 'value-missing' }
        @{
            paths = Get-Entries $found.ExclusionPath
            extensions = Get-Entries $found.ExclusionExtension
            processes = Get-Entries $found.ExclusionProcess
            kept = ConvertTo-Number $found.ScanPurgeItemsAfterDelay
        }
    }
    Add-Section 'av_detections' {
        $query = 'SELECT ThreatID, DetectionID, InitialDetectionTime, CleaningActionID, ActionSuccess, Resources FROM MSFT_MpThreatDetection'
        New-List (Get-Rows $space $query | Sort-Object -Property InitialDetectionTime -Descending | ForEach-Object {
            @{
                threat = ConvertTo-Number $_.ThreatID
                detection = ConvertTo-Text $_.DetectionID 64
                at = ConvertTo-Ticks $_.InitialDetectionTime
                action = ConvertTo-Number $_.CleaningActionID
                success = ConvertTo-Number $_.ActionSuccess
                resources = @(foreach ($one in $_.Resources) { ConvertTo-Text $one 1024 })
            }
        })
    }
    Add-Section 'av_threats' {
        New-List (Get-Rows $space 'SELECT ThreatID, ThreatName FROM MSFT_MpThreat' | ForEach-Object {
            @{ threat = ConvertTo-Number $_.ThreatID; name = ConvertTo-Text $_.ThreatName 256 }
        })
    }
    Add-Section 'av_events' {
        Assert-FullLanguage
        $log = 'Microsoft-Windows-Windows Defender/Operational'
        $about = Get-WinEvent -ListLog $log -ErrorAction Stop
        $oldest = $null
        if ($about.RecordCount) { $oldest = Get-WinEvent -LogName $log -Oldest -MaxEvents 1 -ErrorAction Stop }
        $list = New-List (Get-Removals $log)
        $list.enabled = ConvertTo-Number $about.IsEnabled
        $list.oldest = ConvertTo-Ticks $oldest.TimeCreated
        $list
    }
    if ($Folders) { Add-Section 'av_opinions' { New-List (Get-Opinions $Folders) } }
    $policy = 'HKLM:\SOFTWARE\Policies\Microsoft\Windows Defender'
    foreach ($store in @('HKLM:\SOFTWARE\Microsoft\Windows Defender', $policy)) {
        foreach ($kind in @('Paths', 'Extensions', 'Processes')) { Add-Key "$store\Exclusions\$kind" }
    }
    $switches = @('DisableLocalAdminMerge', 'HideExclusionsFromLocalAdmins')
    Add-Key $policy $switches
    Add-Key "$policy\Policy Manager" ($switches + @('ExcludedPaths', 'ExcludedExtensions', 'ExcludedProcesses'))
    Add-Key 'HKLM:\SOFTWARE\Microsoft\Windows Defender' @('ManagedDefenderProductType')
    Add-Key 'HKLM:\SOFTWARE\Microsoft\Windows Defender\Features' @('TPExclusions')
    Add-Key 'HKLM:\SOFTWARE\Microsoft\SenseCM' @('EnrollmentStatus')
}

# Folders are excluded by the path at which they lie, not by a junction or link that leads there.
function Get-Links($Folders) {
    foreach ($folder in $Folders) {
        $path = $folder -replace '[\\/]+$'
        while ($path -match '[\\/]') {
            try {
                $item = Get-Item -LiteralPath $path -Force -ErrorAction Stop
                if ([string]$item.Attributes -match 'ReparsePoint') { @{ folder = $folder; link = $path } }
            } catch {
                if ([string]$_.CategoryInfo.Category -ne 'ObjectNotFound') { throw }
            }
            $path = $path -replace '[\\/]+[^\\/]*$'
        }
    }
}

function Add-Antivirus($Folders) {
    if ($Folders) { Add-Section 'av_links' { New-List (Get-Links $Folders) } }
    Add-Section 'av_center' {
        New-List (Get-Rows 'root/SecurityCenter2' 'SELECT displayName, productState FROM AntiVirusProduct' | ForEach-Object {
            @{ name = ConvertTo-Text $_.displayName 256; state = ConvertTo-Number $_.productState }
        })
    }
    Add-Section 'av_filters' { Invoke-Tool { fltmc.exe filters 2>$null } }
    Add-Section 'av_installed' { New-List (Get-Installed) }
    Add-Defender $Folders
    foreach ($branch in @('', '\WOW6432Node')) {
        Add-Keys "HKLM:\SOFTWARE$branch\Symantec\Symantec Endpoint Protection\AV\Exclusions\ScanningEngines" 3
        foreach ($kind in @('Real Time', 'Manual', 'Prescheduled', 'Scan Now')) {
            $key = "HKLM:\SOFTWARE$branch\TrendMicro\PC-cillinNTCorp\CurrentVersion\$kind"
            if ($kind -ne 'Scan Now') { $key += ' Scan' }
            Add-Key "$key Configuration" @('Enable', 'ExcludedFile', 'ExcludedFolder', 'ExcludedExt')
        }
    }
}
