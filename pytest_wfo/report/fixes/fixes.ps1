#Requires -Version 3.0
# <HEADING>
#
#   .\THIS.ps1           shows what it would do, changes nothing
#   .\THIS.ps1 -Apply    does it (as administrator)
#   .\THIS.ps1 -Undo     takes back what it has made, nothing else
#
# -Apply and -Undo can be repeated; with -WhatIf they only show. Exit code 1: a step failed.

[CmdletBinding(SupportsShouldProcess = $true)]
param([switch]$Apply, [switch]$Undo)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
if ($Apply -and $Undo) { throw 'either -Apply or -Undo' }
if (-not ($Apply -or $Undo)) { $WhatIfPreference = $true }
$script:failed = 0

function Find-WfoFirewallRule([string]$Name) {
    try { Get-NetFirewallRule -Name $Name -ErrorAction Stop }
    catch { if ([string]$_.CategoryInfo.Category -ne 'ObjectNotFound') { throw } }
}

function Set-WfoFirewallRule([hashtable]$Rule) {
    $told = "$($Rule.Name): TCP $($Rule['LocalPort'])$($Rule['RemotePort']), $($Rule.RemoteAddress -join ', '), profile $($Rule.Profile)"
    try {
        $there = @(Find-WfoFirewallRule $Rule.Name)
        $ours = @($there | Where-Object { ([string]$_.Description).StartsWith('Made by pytest-wfo') })
        if ($there.Count -ne $ours.Count) { throw 'a rule of this name is there that was not made by this tool: left alone' }
        if ($Undo) {
            if ($there.Count -eq 0) { Write-Output "not there: $($Rule.Name)" }
            elseif ($PSCmdlet.ShouldProcess($Rule.Name, 'remove firewall rule')) {
                Remove-NetFirewallRule -Name $Rule.Name
                Write-Output "removed: $($Rule.Name)"
            }
        }
        elseif ($there.Count) {
            if ([string]$there[0].Enabled -ne 'True') { throw 'it is there, but disabled: enable it, or -Undo first' }
            Write-Output "there already, left as it is: $($Rule.Name)"
        }
        elseif ($PSCmdlet.ShouldProcess($told, "add $($Rule.Direction) allow rule")) {
            New-NetFirewallRule @Rule | Out-Null
            Write-Output "added: $($Rule.Name)"
        }
    }
    catch {
        $script:failed++
        Write-Warning "FAILED: $($Rule.Name): $_"
    }
}
# <STEPS>

if ($script:failed) { exit 1 }
