# What an auditor may run on this host: the collector, and nothing else. windows.ps1 and reach.ps1 come
# from the installed pytest-wfo (docs/jea.md); review them as you would any script.
function Get-WfoFact {
    [CmdletBinding()]
    param(
        # JSON: the TCP connections to try, and the paths whose size and time are asked.
        [Parameter(Mandatory = $true)]
        [ValidatePattern('^\{[ -~]{0,1000000}\}$')]
        [string]$Request
    )
    $WfoRequest = $Request
    . (Join-Path $PSScriptRoot 'reach.ps1')
    . (Join-Path $PSScriptRoot 'windows.ps1')
}

Export-ModuleMember -Function Get-WfoFact
