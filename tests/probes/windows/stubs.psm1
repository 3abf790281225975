# Plays the parts of Windows that the lab's PowerShell lacks, from the state file in $env:WFO_STATE:
# CIM classes, netsh, whoami and the list of firewall products. The registry, files and sockets are the
# engine's own.

$state = Get-Content -Raw -LiteralPath $env:WFO_STATE | ConvertFrom-Json

function Get-CimInstance {
    [CmdletBinding()]
    param([string]$Namespace, [string]$Query, [uint32]$OperationTimeoutSec)
    if ($Query -notmatch '^SELECT (?<columns>[\w, ]+) FROM (?<class>\w+)(?: WHERE (?<column>\w+) = (?<wanted>\w+))?$') {
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
        foreach ($name in $columns) {
            $shown[$name] = $row.$name
            if ($name -eq 'LastBootUpTime' -and $row.$name) { $shown[$name] = [datetime]::Parse($row.$name, [Globalization.CultureInfo]::InvariantCulture) }
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

$parts = @('Get-CimInstance')

if ($state.tools) {
    function netsh.exe { Show-Tool "netsh $args" }
    function whoami.exe { Show-Tool "whoami $args" }
    $parts += @('netsh.exe', 'whoami.exe')
}

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

Export-ModuleMember -Function $parts
