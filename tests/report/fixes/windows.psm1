# Plays the cmdlets of the Windows Firewall and of Microsoft Defender for scripts of a fix pack: the rules are a JSON
# file ($env:WFO_RULES), Defender's lists another ($env:WFO_LISTS), each change is a line of $env:WFO_CALLS. As there, a
# rule that does not exist is an error of its own kind, and lists are $null when empty.

function Read-Rules { @(Get-Content -Raw -LiteralPath $env:WFO_RULES | ConvertFrom-Json | ForEach-Object { $_ }) }

function Save-Rules([object[]]$Rules) {
    [IO.File]::WriteAllText($env:WFO_RULES, (ConvertTo-Json -Depth 5 -InputObject @($Rules)))
}

function Write-Call([string]$Call) { [IO.File]::AppendAllText($env:WFO_CALLS, $Call + "`n") }

function Get-NetFirewallRule {
    [CmdletBinding()]
    param([Parameter(Mandatory = $true)][string[]]$Name)
    if ($env:WFO_DENIED) { Write-Error -Message 'Access is denied.' -Category PermissionDenied; return }
    $found = @(Read-Rules | Where-Object { $Name -contains $_.Name })
    if (-not $found) {
        Write-Error -Message "No MSFT_NetFirewallRule objects found with property 'InstanceID' equal to '$Name'." -Category ObjectNotFound
        return
    }
    $found
}

function New-NetFirewallRule {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param(
        [Parameter(Mandatory = $true)][string]$Name, [Parameter(Mandatory = $true)][string]$DisplayName, [string]$Description,
        [ValidateSet('Inbound', 'Outbound')][string]$Direction, [ValidateSet('Allow')][string]$Action, [ValidateSet('True')][string]$Enabled,
        [ValidateSet('TCP')][string]$Protocol, [string[]]$LocalPort, [string[]]$RemotePort, [string[]]$RemoteAddress,
        [ValidateSet('Any', 'Domain', 'Private', 'Public', 'Domain, Private', 'Domain, Public', 'Private, Public')][string]$Profile
    )
    if (-not $PSCmdlet.ShouldProcess($Name)) { return }
    if ($WhatIfPreference) { throw 'a change in a dry run' }
    if (@(Read-Rules | Where-Object { $_.Name -eq $Name })) { throw 'Cannot create a file when that file already exists.' }
    Write-Call "new $Name"
    $rule = @{
        Name = $Name; DisplayName = $DisplayName; Description = $Description; Direction = $Direction; Action = $Action
        Enabled = $Enabled; Protocol = $Protocol; LocalPort = $LocalPort; RemotePort = $RemotePort; RemoteAddress = $RemoteAddress; Profile = $Profile
    }
    Save-Rules (@(Read-Rules) + @($rule))
    $rule
}

function Remove-NetFirewallRule {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([Parameter(Mandatory = $true)][string[]]$Name)
    if (-not $PSCmdlet.ShouldProcess("$Name")) { return }
    Write-Call "remove $Name"
    Save-Rules @(Read-Rules | Where-Object { $Name -notcontains $_.Name })
}

function Get-NetFirewallPortFilter {
    [CmdletBinding()]
    param([Parameter(Mandatory = $true)]$AssociatedNetFirewallRule)
    $rule = $AssociatedNetFirewallRule
    @{ Protocol = $rule.Protocol; LocalPort = Get-OrAny $rule.LocalPort; RemotePort = Get-OrAny $rule.RemotePort }
}

function Get-NetFirewallAddressFilter {
    [CmdletBinding()]
    param([Parameter(Mandatory = $true)]$AssociatedNetFirewallRule)
    @{ LocalAddress = 'Any'; RemoteAddress = Get-OrAny $AssociatedNetFirewallRule.RemoteAddress }
}

# As there: what is not said is Any, a list of one is its element, a network has its mask in full.
function Get-OrAny($Value) {
    $told = @($Value | Where-Object { $_ } | ForEach-Object { $_ -replace '/24$', '/255.255.255.0' })
    if ($told) { $told } else { 'Any' }
}

function Get-MpPreference {
    [CmdletBinding()]
    param()
    Get-Content -Raw -LiteralPath $env:WFO_LISTS | ConvertFrom-Json
}

function Set-Lists([string[]]$Path, [string[]]$Extension, [string[]]$Process, [scriptblock]$Change) {
    $lists = Get-MpPreference
    $changed = @{}
    foreach ($pair in @(@('ExclusionPath', $Path), @('ExclusionExtension', $Extension), @('ExclusionProcess', $Process))) {
        $list, $entries = $pair
        $there = @($lists.$list | Where-Object { $_ })
        foreach ($entry in $entries) { $there = @(& $Change $there $entry) }
        $changed[$list] = if ($there) { $there } else { $null }
    }
    [IO.File]::WriteAllText($env:WFO_LISTS, (ConvertTo-Json -InputObject $changed))
}

function Add-MpPreference {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([string[]]$ExclusionPath, [string[]]$ExclusionExtension, [string[]]$ExclusionProcess)
    if (-not $PSCmdlet.ShouldProcess('Defender')) { return }
    Write-Call "exclude $ExclusionPath$ExclusionExtension$ExclusionProcess"
    if ($env:WFO_MANAGED) { return }
    Set-Lists $ExclusionPath $ExclusionExtension $ExclusionProcess { param($there, $entry) $there + $entry }
}

function Remove-MpPreference {
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([string[]]$ExclusionPath, [string[]]$ExclusionExtension, [string[]]$ExclusionProcess)
    if (-not $PSCmdlet.ShouldProcess('Defender')) { return }
    Write-Call "include $ExclusionPath$ExclusionExtension$ExclusionProcess"
    Set-Lists $ExclusionPath $ExclusionExtension $ExclusionProcess { param($there, $entry) $there | Where-Object { $_ -ne $entry } }
}

Export-ModuleMember -Function Get-NetFirewallPortFilter, Get-NetFirewallAddressFilter, Get-MpPreference, Add-MpPreference, Remove-MpPreference, Get-NetFirewallRule, New-NetFirewallRule, Remove-NetFirewallRule
