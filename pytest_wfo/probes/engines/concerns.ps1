# Files below WFO's folders and programs that the document advises to exclude: known to be held open,
# large, many new ones. Only reads, for about 8 s; lists end after 50 entries. Nothing is opened: that
# could make a recorder fail.

function Get-Setting($Path, $Name) {
    try { (Get-ItemProperty -LiteralPath $Path -ErrorAction Stop).$Name } catch { $null }
}

function Get-DatabaseFolders($Services) {
    $sql = 'HKLM:\SOFTWARE\Microsoft\Microsoft SQL Server'
    foreach ($service in $Services) {
        if ($service.State -ne 'Running') { continue }
        if ($service.Name -eq 'DHCPServer') {
            $folder = Get-Setting 'HKLM:\SYSTEM\CurrentControlSet\Services\DHCPServer\Parameters' 'DatabasePath'
            if ($folder) { @{ folder = $folder; service = $service.Name } }
        }
        if ($service.Name -notmatch '^(MSSQLSERVER$|MSSQL\$)') { continue }
        $instance = Get-Setting "$sql\Instance Names\SQL" ($service.Name -replace '^MSSQL\$', '')
        if (-not $instance) { continue }
        $root = Get-Setting "$sql\$instance\Setup" 'SQLDataRoot'
        if ($root) { @{ folder = "$root\DATA"; service = $service.Name } }
        foreach ($name in @('DefaultData', 'DefaultLog')) {
            $folder = Get-Setting "$sql\$instance\MSSQLServer" $name
            if ($folder) { @{ folder = $folder; service = $service.Name } }
        }
    }
}

function Get-Roots($Folders) {
    try { $services = @(Get-Rows 'root/cimv2' 'SELECT Name, State, PathName FROM Win32_Service') } catch { $services = @() }
    foreach ($folder in $Folders) { @{ folder = $folder; service = '' } }
    foreach ($service in $services) {
        $program = ConvertTo-Program $service.PathName
        if ($program -match '[\\/]cc_[^\\/]+$') { @{ folder = $program -replace '[\\/][^\\/]*$', ''; service = '' } }
    }
    Get-DatabaseFolders $services
}

# One folder after another, and none behind a link.
function Find-Files($Root, $Found) {
    $report = @{ path = $Root.folder; late = $false; unread = 0 }
    $queue = @($Root.folder)
    $at = 0
    while ($at -lt $queue.Count) {
        if (([datetime]::UtcNow - $Found.since).TotalSeconds -gt 8 -or $Found.seen -gt 100000) { $report.late = $true; break }
        $folder = $queue[$at] -replace '[\\/]+$', ''
        $at += 1
        $items = @()
        try { $items = @(Get-ChildItem -LiteralPath "$folder\" -Force -ErrorAction Stop) } catch { $report.unread += 1 }
        $Found.seen += $items.Count
        foreach ($item in $items) {
            $path = "$folder\$($item.Name)"
            if ([string]$item.Attributes -match 'ReparsePoint') { continue }
            if ($item.PSIsContainer) { $queue += $path; continue }
            if ($item.Length -gt 1073741824 -or $item.Name -match '\.(iso|vhd|vhdx|avhdx|mdf|ndf|ldf)$') {
                $Found.large += @{ path = ConvertTo-Text $path 512; size = [long]$item.Length }
            }
            if ($Root.service -and $item.Name -match '\.(mdf|ndf|ldf|mdb|edb)$') {
                $Found.databases += @{ path = ConvertTo-Text $path 512; service = $Root.service }
            }
        }
    }
    $report
}

# Since the collector began, less our own.
function Get-Fresh($Folder, $Since) {
    $count = 0
    $late = $false
    $items = @(Get-ChildItem -LiteralPath $Folder -Force -ErrorAction SilentlyContinue | Select-Object -First 20001)
    if ($items.Count -gt 20000) { $late = $true }
    foreach ($item in $items) {
        if ($item.Name -notmatch '^wfo-' -and $item.CreationTimeUtc.Ticks -ge $Since) { $count += 1 }
    }
    @{ path = ConvertTo-Text $Folder 512; count = $count; late = $late; seconds = [long](([datetime]::UtcNow.Ticks - $Since) / 10000000) }
}

function Get-Concerns($Folders, $Since) {
    $found = @{ since = [datetime]::UtcNow; seen = 0; large = @(); databases = @() }
    $known = @{}
    $roots = @(
        foreach ($root in @(Get-Roots $Folders)) {
            $name = [string]$root.folder -replace '[\\/]+$', ''
            if ($known[$name] -or -not (Test-Path -LiteralPath "$name\" -PathType Container)) { continue }
            $known[$name] = $true
            Find-Files $root $found
        }
    )
    $fresh = @(
        foreach ($folder in $Folders) {
            if (Test-Path -LiteralPath $folder) { Get-Fresh $folder $Since }
        }
    )
    @{
        roots = $roots
        large = @($found.large | Sort-Object { -$_.size } | Select-Object -First 50)
        large_total = $found.large.Count
        databases = @($found.databases | Select-Object -First 50)
        databases_total = $found.databases.Count
        fresh = $fresh
    }
}
