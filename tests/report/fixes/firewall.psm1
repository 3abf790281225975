# Plays the cmdlets of the Windows Firewall for scripts of a fix pack: the rules are a JSON file ($env:WFO_RULES),
# each change is a line of $env:WFO_CALLS. As there, a name that does not exist is an error of its own kind.

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

Export-ModuleMember -Function Get-NetFirewallRule, New-NetFirewallRule, Remove-NetFirewallRule
