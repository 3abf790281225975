# Plays the parts of Windows that the lab's PowerShell lacks, from the state file in $env:WFO_STATE:
# CIM classes, netsh, whoami, fltmc, Defender's event log and its MpCmdRun, and the list of firewall
# products. The registry, files and sockets are the
# engine's own.

$state = Get-Content -Raw -LiteralPath $env:WFO_STATE | ConvertFrom-Json

# A time, or how many days ago it was.
function ConvertTo-Time($Said) {
    if ($Said -isnot [string]) { return [datetime]::Now.AddDays(-$Said) }
    [datetime]::Parse($Said, [Globalization.CultureInfo]::InvariantCulture)
}

function Get-CimInstance {
    [CmdletBinding()]
    param([string]$Namespace, [string]$Query, [uint32]$OperationTimeoutSec)
    if ($Query -notmatch '^SELECT (?<columns>[\w, *]+) FROM (?<class>\w+)(?: WHERE (?<column>\w+) = (?<wanted>\w+))?$') {
        throw "the stub does not understand this query: $Query"
    }
    $columns = $matches.columns -split ', '
    $column, $wanted, $class = $matches.column, $matches.wanted, $matches.class
    $answer = $state.cim.PSObject.Properties["${Namespace}:$class"]
    $failure = @{ id = 'HRESULT 0x8004100e'; category = 'MetadataError'; said = 'Invalid namespace' }
    if ($null -ne $answer) { $failure = $answer.Value.PSObject.Properties['error'].Value }
    if ($null -ne $failure) {
        $exception = New-Object Exception @([string]$failure.said)
        $record = New-Object Management.Automation.ErrorRecord @($exception, [string]$failure.id, [string]$failure.category, $null)
        $PSCmdlet.ThrowTerminatingError($record)
    }
    if ($answer.Value.seconds) { Start-Sleep -Milliseconds (1000 * $answer.Value.seconds) }
    foreach ($row in $answer.Value.rows) {
        if ($column -and [string]$row.$column -ne $wanted) { continue }
        # As CIM does, it fills the columns that were asked for and no others.
        $shown = @{}
        if ($columns -eq '*') { $columns = @($row.PSObject.Properties | ForEach-Object { $_.Name }) }
        foreach ($name in $columns) {
            $shown[$name] = $row.$name
            if ($name -like '*Time' -and $row.$name) { $shown[$name] = ConvertTo-Time $row.$name }
        }
        Microsoft.PowerShell.Utility\New-Object PSObject -Property $shown
    }
}

function Show-Tool([string]$Line) {
    $tool = $state.tools.PSObject.Properties[$Line]
    if ($null -eq $tool) { throw "the stub has no answer to: $Line" }
    $global:LASTEXITCODE = $tool.Value.code
    $tool.Value.text -split "`n"
}

# The rights of the file that plays it, so that a change of them is one here.
function Get-Acl {
    [CmdletBinding()]
    param([string]$LiteralPath)
    $file = Get-Item -LiteralPath $LiteralPath -Force -ErrorAction Stop
    Microsoft.PowerShell.Utility\New-Object PSObject -Property @{ Sddl = [string][IO.File]::GetUnixFileMode($file.FullName) }
}

$parts = @('Get-CimInstance', 'Get-Acl')

if ($state.tools) {
    function netsh.exe { Show-Tool "netsh $args" }
    function whoami.exe { Show-Tool "whoami $args" }
    function fltmc.exe { Show-Tool "fltmc $args" }
    $parts += @('netsh.exe', 'whoami.exe', 'fltmc.exe')
}

# An event's XML as the log holds it; what is for people is in the host's language.
function ConvertTo-EventXml($Row) {
    $data = foreach ($field in $Row.fields.PSObject.Properties) {
        "<Data Name='{0}'>{1}</Data>" -f $field.Name, [Security.SecurityElement]::Escape([string]$field.Value)
    }
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><EventID>$($Row.Id)</EventID></System>" +
        "<EventData>$($data -join '')</EventData></Event>"
}

if ($state.events) {
    function Get-WinEvent {
        [CmdletBinding()]
        param([string]$ListLog, [string]$LogName, [hashtable]$FilterHashtable, [switch]$Oldest, [long]$MaxEvents)
        $failure = $state.events.error
        $rows = @($state.events.rows | Where-Object { $_ })
        if ($FilterHashtable) {
            $rows = @($rows | Where-Object {
                $FilterHashtable.Id -contains $_.Id -and
                    (ConvertTo-Time $_.TimeCreated).ToUniversalTime() -ge $FilterHashtable.StartTime.ToUniversalTime()
            } | Sort-Object -Descending { ConvertTo-Time $_.TimeCreated } | Microsoft.PowerShell.Utility\Select-Object -First $MaxEvents)
            if (-not $failure -and -not $rows.Count) {
                $failure = @{ id = 'NoMatchingEventsFound'; category = 'ObjectNotFound'; said = 'No events were found' }
            }
        }
        if ($failure) {
            $exception = Microsoft.PowerShell.Utility\New-Object Exception @([string]$failure.said)
            $record = Microsoft.PowerShell.Utility\New-Object Management.Automation.ErrorRecord @(
                $exception, [string]$failure.id, [string]$failure.category, $null)
            $PSCmdlet.ThrowTerminatingError($record)
        }
        if ($ListLog) {
            return Microsoft.PowerShell.Utility\New-Object PSObject -Property @{
                IsEnabled = $state.events.enabled; RecordCount = $(if ($state.events.oldest) { 1 } else { 0 })
            }
        }
        if ($Oldest) { $rows = @(@{ Id = 1; TimeCreated = $state.events.oldest; fields = @{} }) }
        foreach ($row in $rows) {
            $event = Microsoft.PowerShell.Utility\New-Object PSObject -Property @{
                Id = $row.Id; TimeCreated = ConvertTo-Time $row.TimeCreated; Message = $row.Message; Xml = ConvertTo-EventXml $row
            }
            $event | Add-Member -MemberType ScriptMethod -Name ToXml -Value { $this.Xml } -PassThru
        }
    }
    $parts += 'Get-WinEvent'
}

# The program lies in a folder of its version.
$aliases = @()
foreach ($version in @($state.mpcmdrun.versions | Where-Object { $_ })) {
    $alias = "$env:ProgramData\Microsoft\Windows Defender\Platform\$version\MpCmdRun.exe"
    Set-Alias -Name $alias -Value Show-Opinion
    $aliases += $alias
}
function Show-Opinion([switch]$CheckExclusion, [string]$Path) {
    $known = $state.mpcmdrun.says.PSObject.Properties[$Path]
    $global:LASTEXITCODE = if ($known) { $known.Value } else { 1 }
    "$Path [\Device\HarddiskVolume1\...]"
}
if ($aliases) { $parts += 'Show-Opinion' }

# COM is there in FullLanguage only.
if ($state.products -and $env:WINDOWSLAB_LANGUAGE -ne 'ConstrainedLanguage') {
    function New-Object {
        [CmdletBinding()]
        param([Parameter(Position = 0)] $TypeName, [Parameter(Position = 1)] [object[]]$ArgumentList, [string]$ComObject)
        if ($ComObject -eq 'HNetCfg.FwProducts') { return ,@($state.products.rows) }
        Microsoft.PowerShell.Utility\New-Object @PSBoundParameters
    }
    $parts += 'New-Object'
}

Export-ModuleMember -Function $parts -Alias $aliases
