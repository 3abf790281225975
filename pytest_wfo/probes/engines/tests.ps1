# Test files and files worth excluding. Files are written only where engines/files.ps1 was sent.

# What was asked stands in the answer, as its reader knows nothing else.
function Start-Tests($Task) {
    Add-Section 'asked_antivirus' {
        @{
            folders = @(ConvertTo-Texts $Task.folders)
            extensions = @(ConvertTo-Texts $Task.extensions)
            types = @(ConvertTo-Texts $Task.types)
            run = ConvertTo-Text $Task.run 64
            canary = [bool]$Task.canary
            concerns = [bool]$Task.concerns
        }
    }
    if (-not $Task.run -or -not @($Task.types).Count) { return }
    Add-Section 'survival' {
        if (-not $WfoWriter) { throw 'writes-nothing' }
        Start-Files $Task
    }
    if ($Task.canary -and $sections['survival'].ok) { Add-Section 'canary' { Start-Canary $Task } }
}

function Stop-Tests($Task) {
    if ($Task.concerns) {
        Add-Section 'concerns' { Get-Concerns $Task.folders $start }
        Add-Section 'page_files' {
            New-List (Get-Rows 'root/cimv2' 'SELECT Name, AllocatedBaseSize FROM Win32_PageFileUsage' | ForEach-Object {
                @{ path = ConvertTo-Text $_.Name 256; megabytes = ConvertTo-Number $_.AllocatedBaseSize }
            })
        }
    }
    foreach ($name in @('survival', 'canary')) {
        if (-not $sections[$name].ok) { continue }
        if ($name -eq 'survival') { Add-Section $name { Stop-Files $Task } } else { Add-Section $name { Stop-Canary $Task } }
    }
    if ($WfoWriter) {
        Add-Section 'leftovers' {
            Clear-Files
            @{ paths = @(foreach ($path in $planted.left) { ConvertTo-Text $path 512 }) }
        }
    }
}
