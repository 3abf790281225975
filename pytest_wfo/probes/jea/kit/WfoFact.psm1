# The one command of this module: a Windows host's facts, read by pytest-wfo's collector, which follows
# below as it is. Written by "python -m pytest_wfo.probes.jea"; docs/jea.md says how it is installed.
function Get-WfoFact {
    [CmdletBinding()]
    [OutputType([string])]
    param(
        # JSON: which collector is meant, the TCP connections to try, the files to look at.
        [Parameter(Mandatory = $true)]
        [ValidateLength(2, 2000000)]
        [string]$Request
    )
    # A restricted session has a Select-Object of its own, which cannot count.
    Set-Alias -Name Select-Object -Value Microsoft.PowerShell.Utility\Select-Object -Scope Local

    $refusal = $null
    $asked = ConvertFrom-Json $Request
    if ([string]$asked.collector -cne '@COLLECTOR-ID@') {
        $refusal = 'the collector installed here (@COLLECTOR-ID@) is not that of the pytest-wfo that asks. ' +
            'Install the kit again: python -m pytest_wfo.probes.jea'
    }
    # It reads as an administrator for somebody who may be none: a path of the network would make the
    # host log in there.
    foreach ($path in $asked.files) {
        if ($path -isnot [string] -or $path -notmatch '^[A-Za-z]:[\\/]') { $refusal = 'a path without a drive letter' }
    }
    foreach ($path in $asked.antivirus.folders) {
        if ($path -isnot [string] -or $path -notmatch '^[A-Za-z]:[\\/]') { $refusal = 'a path without a drive letter' }
    }
    if ($refusal) {
        $record = New-Object Management.Automation.ErrorRecord @(
            (New-Object ArgumentException $refusal), 'WfoRequestRefused', 'InvalidArgument', $null)
        $PSCmdlet.ThrowTerminatingError($record)
    }
    $WfoRequest = $Request

@COLLECTOR@
}
