@{
    RootModule        = 'WfoFact.psm1'
    ModuleVersion     = '1.0.0'
    GUID              = '6f0a3f0e-5a2b-4a6c-9d57-2f6a3c0d8b11'
    Description       = 'Facts for the inContact WFO Environmental Requirements; collector @COLLECTOR-ID@'
    PowerShellVersion = '5.1'
    FunctionsToExport = @('Get-WfoFact')
    CmdletsToExport   = @()
    VariablesToExport = @()
    AliasesToExport   = @()
}
