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

function Get-WfoNumber([string]$Address) {
    $number = [long]0
    foreach ($byte in [System.Net.IPAddress]::Parse($Address).GetAddressBytes()) { $number = $number * 256 + $byte }
    $number
}

# An address, network or range as its ends: Windows tells 10.0.0.0/24 as 10.0.0.0/255.255.255.0.
function Get-WfoRange([string]$Address) {
    if ($Address -notmatch '^\d+\.[\d.]+([/-][\d.]+)?$') { return $Address }
    $first, $rest = $Address -split '[/-]'
    $start = Get-WfoNumber $first
    $end = $start
    if ($Address.Contains('-')) { $end = Get-WfoNumber $rest }
    elseif ($rest -like '*.*') { $end = $start + 4294967295 - (Get-WfoNumber $rest) }
    elseif ($rest) { $end = $start + [long][Math]::Pow(2, 32 - [int]$rest) - 1 }
    "$start-$end"
}

# What a rule that is there has otherwise than the wanted one.
function Compare-WfoFirewallRule($There, [hashtable]$Rule) {
    $ports = Get-NetFirewallPortFilter -AssociatedNetFirewallRule $There
    $addresses = Get-NetFirewallAddressFilter -AssociatedNetFirewallRule $There
    $has = @{
        Direction = $There.Direction; Action = $There.Action; Profile = $There.Profile; Protocol = $ports.Protocol
        LocalPort = $ports.LocalPort; RemotePort = $ports.RemotePort
        LocalAddress = $addresses.LocalAddress; RemoteAddress = $addresses.RemoteAddress
    }
    foreach ($name in @($has.Keys | Sort-Object)) {
        $wanted = if ($Rule.ContainsKey($name)) { $Rule[$name] } else { 'Any' }
        $one, $two = @($has[$name], $wanted) | ForEach-Object { @($_ | ForEach-Object { Get-WfoRange $_ } | Sort-Object) -join ', ' }
        if ($one -ne $two) { "$name $(@($has[$name]) -join ', ') instead of $(@($wanted) -join ', ')" }
    }
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
            $otherwise = @(Compare-WfoFirewallRule $there[0] $Rule)
            if ($otherwise) { throw "it is there, but with $($otherwise -join '; '): -Undo first, then -Apply" }
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
