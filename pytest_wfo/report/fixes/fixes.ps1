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

# What -Apply has added to Defender's lists, so that -Undo takes back nothing else: "list<tab>entry" a line.
$script:journal = "$PSCommandPath.added.txt"

function Read-WfoJournal {
    if (Test-Path -LiteralPath $script:journal) { Get-Content -LiteralPath $script:journal -Encoding UTF8 }
}

function Save-WfoJournal([string[]]$Lines) {
    if ($Lines) { Set-Content -LiteralPath $script:journal -Value $Lines -Encoding UTF8 }
    else { Remove-Item -LiteralPath $script:journal }
}

function Test-WfoExclusion([string]$List, [string]$Entry) {
    $there = @((Get-MpPreference).$List | Where-Object { $_ })
    if (@($there | Where-Object { $_ -like 'N/A:*' })) { throw "the exclusions cannot be read: $($there[0])" }
    $there -contains $Entry
}

function Set-WfoExclusion([string]$List, [string]$Entry) {
    $line = "$List`t$Entry"
    $change = @{ $List = $Entry }
    try {
        $added = @(Read-WfoJournal)
        $there = Test-WfoExclusion $List $Entry
        if ($Undo) {
            if ($added -notcontains $line) { Write-Output "not added by this script, left as it is: $List $Entry" }
            elseif ($PSCmdlet.ShouldProcess("$List $Entry", 'remove from the exclusions of Microsoft Defender')) {
                if ($there) { Remove-MpPreference @change }
                Save-WfoJournal @($added | Where-Object { $_ -ne $line })
                Write-Output "removed: $List $Entry"
            }
        }
        elseif ($there) {
            Write-Output "there already, left as it is: $List $Entry"
        }
        elseif ($PSCmdlet.ShouldProcess("$List $Entry", 'add to the exclusions of Microsoft Defender')) {
            if ($added -notcontains $line) { Save-WfoJournal ($added + $line) }
            Add-MpPreference @change
            if (-not (Test-WfoExclusion $List $Entry)) { throw 'Defender does not show it afterwards: a policy or tamper protection keeps its lists' }
            Write-Output "added: $List $Entry"
        }
    }
    catch {
        $script:failed++
        Write-Warning "FAILED: $List $Entry`: $_"
    }
}
# <STEPS>

if ($script:failed) { exit 1 }
