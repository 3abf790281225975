# What a Windows host says about itself, as one string of ASCII JSON. windows.py puts in front of it
# $WfoRequest, a JSON text with the connections to try and the paths to look at, engines/antivirus.ps1,
# and engines/reach.ps1 where there are connections. PowerShell 3 to 7.
#
# Reads: host name, versions, the user and whether elevated, clock, addresses, routes, name servers and
# network categories, listening sockets and what owns them, port proxies, reserved ports, the Windows
# Firewall's rules and settings (registry), services, processes, antivirus products with their exclusions
# and what they removed, size and time of the requested paths; then tries the TCP connections it was
# asked to try. Changes nothing and writes no file, unless it is sent with engines/files.ps1, which writes
# test files and removes them again.
#
# Rights: any user. As an elevated administrator it also sees the services and the owners of
# HTTP addresses; what a lesser user may not see is reported as not seen, section by section.
# In ConstrainedLanguage everything works but the connections, the list of firewall products and Defender's
# event log.
#
# Every section stands alone: {"ok":true,"value":{...}} or {"ok":false,"id":...,"category":...,"said":...}.
# Texts of Windows are in its language, so nothing here or in the reader depends on one: numbers,
# identifiers, registry names and the shape of a table do not change with it.

function ConvertTo-Text($Value, $Most) {
    if ($null -eq $Value) { return $null }
    $text = [string]$Value
    if ($text.Length -gt $Most) { return $text.Substring(0, $Most) + ' [cut]' }
    $text
}

function ConvertTo-Number($Value) {
    # A cast would turn what is missing into 0.
    if ($null -eq $Value) { $null } else { [long]$Value }
}

function ConvertTo-Texts($Values) {
    @(foreach ($value in $Values) { if ($null -ne $value) { ConvertTo-Text $value 256 } })
}

# Arguments may hold secrets: of a command line only the program leaves the host.
function ConvertTo-Program($Value) {
    if ($Value -match '^\s*"([^"]+)"' -or $Value -match '^\s*(.+?\.exe)(\s|$)' -or $Value -match '^\s*(\S+)') {
        ConvertTo-Text $matches[1] 512
    }
}

function ConvertTo-Failure($Record) {
    @{
        ok = $false
        id = ConvertTo-Text $Record.FullyQualifiedErrorId 200
        category = [string]$Record.CategoryInfo.Category
        said = ConvertTo-Text $Record.Exception.Message 400
    }
}

function Add-Section($Name, $Block) {
    try {
        $sections[$Name] = @{ ok = $true; value = & $Block }
    } catch {
        $sections[$Name] = ConvertTo-Failure $_
    }
}

function New-List($Rows) {
    # No such list is longer on a sound host; a reader must know when it does not have all.
    $all = @(foreach ($row in $Rows) { $row })
    @{ rows = @($all | Select-Object -First 3000); total = $all.Count }
}

# A WMI that hangs must not take the time of everything else.
function Get-Rows($Namespace, $Query) {
    if ($room.seconds -lt 0) { throw 'wmi-too-slow' }
    $since = [datetime]::UtcNow
    try {
        Get-CimInstance -Namespace $Namespace -Query $Query -OperationTimeoutSec 20 -ErrorAction Stop
    } finally {
        $room.seconds -= ([datetime]::UtcNow - $since).TotalSeconds
    }
}

# The values of one key, as name, value, name, value. A key that does not exist has none.
function Add-Key($Path, $Only) {
    try {
        $key = Get-Item -LiteralPath $Path -ErrorAction Stop
        $answer = Get-ItemProperty -LiteralPath $Path -ErrorAction Stop
        $own = @('PSPath', 'PSParentPath', 'PSChildName', 'PSDrive', 'PSProvider')
        $found = @()
        if ($null -ne $answer) { $found = @($answer.PSObject.Properties | Where-Object { $own -notcontains $_.Name }) }
        if ($found.Count -ne $key.ValueCount) { throw 'value-missing' }
        $values = @(
            foreach ($one in $found) {
                if ($Only -and $Only -notcontains $one.Name) { continue }
                $value = $one.Value
                if ($value -is [string]) {
                    $room.characters -= $value.Length
                } elseif ($value -is [int] -or $value -is [long]) {
                    $value = [long]$value
                } else {
                    $value = $null
                }
                $room.characters -= $one.Name.Length
                if ($room.characters -lt 0) { throw 'too-much-text' }
                $one.Name
                $value
            }
        )
        $registry[$Path] = @{ ok = $true; present = $true; values = $values }
    } catch {
        if ([string]$_.CategoryInfo.Category -eq 'ObjectNotFound') {
            $registry[$Path] = @{ ok = $true; present = $false; values = @() }
        } else {
            $registry[$Path] = ConvertTo-Failure $_
        }
    }
}

# Windows PowerShell takes what a program writes to its error stream for an error of the script.
function Invoke-Tool($Block) {
    $ErrorActionPreference = 'Continue'
    $lines = @(& $Block)
    @{ code = ConvertTo-Number $LASTEXITCODE; text = ConvertTo-Text ($lines -join "`n") 400000 }
}

function Assert-FullLanguage {
    if ([string]$ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') { throw 'needs-full-language' }
}

function Add-Machine {
    Add-Section 'shell' {
        @{
            version = [string]$PSVersionTable.PSVersion
            edition = ConvertTo-Text $PSVersionTable.PSEdition 32
            language = [string]$ExecutionContext.SessionState.LanguageMode
            architecture = ConvertTo-Text $env:PROCESSOR_ARCHITECTURE 32
            native = ConvertTo-Text $env:PROCESSOR_ARCHITEW6432 32
            computer = ConvertTo-Text $env:COMPUTERNAME 256
        }
    }
    Add-Section 'whoami' { Invoke-Tool { whoami.exe /user /groups /fo csv /nh 2>$null } }
    Add-Section 'system' {
        $system = Get-Rows 'root/cimv2' 'SELECT Caption, Version, ProductType, LastBootUpTime FROM Win32_OperatingSystem'
        $boot = $null
        if ($null -ne $system.LastBootUpTime) { $boot = $system.LastBootUpTime.ToUniversalTime().Ticks }
        @{
            caption = ConvertTo-Text $system.Caption 256
            version = ConvertTo-Text $system.Version 64
            type = ConvertTo-Number $system.ProductType
            boot = $boot
        }
    }
    Add-Section 'computer' {
        $computer = Get-Rows 'root/cimv2' 'SELECT Name, DNSHostName FROM Win32_ComputerSystem'
        @{ name = ConvertTo-Text $computer.Name 256; dns = ConvertTo-Text $computer.DNSHostName 256 }
    }
    $names = @('ProductName', 'DisplayVersion', 'ReleaseId', 'CurrentBuildNumber', 'UBR', 'InstallationType', 'SystemRoot')
    Add-Key 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion' $names
}

function Add-Network {
    Add-Section 'addresses' {
        $query = 'SELECT InterfaceIndex, InterfaceAlias, IPAddress, PrefixLength, AddressState, Store FROM MSFT_NetIPAddress'
        New-List (Get-Rows 'root/StandardCimv2' $query | ForEach-Object {
            @{
                index = ConvertTo-Number $_.InterfaceIndex
                alias = ConvertTo-Text $_.InterfaceAlias 256
                address = ConvertTo-Text $_.IPAddress 64
                prefix = ConvertTo-Number $_.PrefixLength
                state = ConvertTo-Number $_.AddressState
                store = ConvertTo-Number $_.Store
            }
        })
    }
    Add-Section 'interfaces' {
        $query = 'SELECT InterfaceIndex, InterfaceAlias, AddressFamily, ConnectionState, Forwarding, InterfaceMetric FROM MSFT_NetIPInterface'
        New-List (Get-Rows 'root/StandardCimv2' $query | ForEach-Object {
            @{
                index = ConvertTo-Number $_.InterfaceIndex
                alias = ConvertTo-Text $_.InterfaceAlias 256
                family = ConvertTo-Number $_.AddressFamily
                connected = ConvertTo-Number $_.ConnectionState
                forwarding = ConvertTo-Number $_.Forwarding
                metric = ConvertTo-Number $_.InterfaceMetric
            }
        })
    }
    Add-Section 'adapters' {
        $query = 'SELECT InterfaceIndex, InterfaceGuid, InterfaceType, Name FROM MSFT_NetAdapter'
        New-List (Get-Rows 'root/StandardCimv2' $query | ForEach-Object {
            @{
                index = ConvertTo-Number $_.InterfaceIndex
                guid = ConvertTo-Text $_.InterfaceGuid 64
                type = ConvertTo-Number $_.InterfaceType
                name = ConvertTo-Text $_.Name 256
            }
        })
    }
    Add-Section 'categories' {
        $query = 'SELECT InterfaceIndex, NetworkCategory FROM MSFT_NetConnectionProfile'
        New-List (Get-Rows 'root/StandardCimv2' $query | ForEach-Object {
            @{ index = ConvertTo-Number $_.InterfaceIndex; category = ConvertTo-Number $_.NetworkCategory }
        })
    }
    Add-Section 'name_servers' {
        $query = 'SELECT InterfaceIndex, ServerAddresses FROM MSFT_DNSClientServerAddress'
        New-List (Get-Rows 'root/StandardCimv2' $query | ForEach-Object {
            @{ index = ConvertTo-Number $_.InterfaceIndex; servers = @(ConvertTo-Texts $_.ServerAddresses) }
        })
    }
    Add-Section 'configurations' {
        $query = 'SELECT InterfaceIndex, SettingID, DHCPServer, WINSPrimaryServer, WINSSecondaryServer ' +
            'FROM Win32_NetworkAdapterConfiguration WHERE IPEnabled = TRUE'
        New-List (Get-Rows 'root/cimv2' $query | ForEach-Object {
            @{
                index = ConvertTo-Number $_.InterfaceIndex
                guid = ConvertTo-Text $_.SettingID 64
                dhcp = @(ConvertTo-Texts $_.DHCPServer)
                wins = @(ConvertTo-Texts @($_.WINSPrimaryServer, $_.WINSSecondaryServer))
            }
        })
    }
    Add-Section 'routes' {
        $query = 'SELECT InterfaceIndex, InterfaceAlias, DestinationPrefix, NextHop, RouteMetric, AddressFamily, Store FROM MSFT_NetRoute'
        New-List (Get-Rows 'root/StandardCimv2' $query | ForEach-Object {
            @{
                index = ConvertTo-Number $_.InterfaceIndex
                alias = ConvertTo-Text $_.InterfaceAlias 256
                destination = ConvertTo-Text $_.DestinationPrefix 64
                gateway = ConvertTo-Text $_.NextHop 64
                metric = ConvertTo-Number $_.RouteMetric
                family = ConvertTo-Number $_.AddressFamily
                store = ConvertTo-Number $_.Store
            }
        })
    }
    Add-Key 'HKLM:\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters' @('Hostname', 'IPEnableRouter')
}

function Add-Listeners {
    Add-Section 'listeners' {
        $query = 'SELECT LocalAddress, LocalPort, OwningProcess FROM MSFT_NetTCPConnection WHERE State = 2'
        New-List (Get-Rows 'root/StandardCimv2' $query | ForEach-Object {
            @{
                address = ConvertTo-Text $_.LocalAddress 64
                port = ConvertTo-Number $_.LocalPort
                pid = ConvertTo-Number $_.OwningProcess
            }
        })
    }
    Add-Section 'http' { Invoke-Tool { netsh.exe http show servicestate view=requestq verbose=no 2>$null } }
    Add-Section 'excluded' { Invoke-Tool { netsh.exe int ipv4 show excludedportrange protocol=tcp 2>$null } }
    foreach ($way in @('v4tov4', 'v4tov6', 'v6tov4', 'v6tov6')) {
        Add-Key "HKLM:\SYSTEM\CurrentControlSet\Services\PortProxy\$way\tcp"
    }
}

function Add-Firewall {
    $local = 'HKLM:\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy'
    $group = 'HKLM:\SOFTWARE\Policies\Microsoft\WindowsFirewall'
    Add-Key $local @('PolicyVersion')
    foreach ($store in @($local, $group, "$local\Mdm")) {
        foreach ($name in @('DomainProfile', 'StandardProfile', 'PrivateProfile', 'PublicProfile')) {
            foreach ($part in @('', '\AuthorizedApplications', '\GloballyOpenPorts')) {
                Add-Key "$store\$name$part"
            }
        }
    }
    foreach ($name in @('DomainProfile', 'StandardProfile')) {
        Add-Key "$group\$name\AuthorizedApplications\List"
        Add-Key "$group\$name\GloballyOpenPorts\List"
    }
    Add-Key 'HKLM:\SYSTEM\CurrentControlSet\Services\MpsSvc' @('Start')
    Add-Key 'HKLM:\SYSTEM\CurrentControlSet\Services\BFE' @('Start')
    Add-Section 'security_center' {
        New-List (Get-Rows 'root/SecurityCenter2' 'SELECT displayName, productState FROM FirewallProduct' | ForEach-Object {
            @{ name = ConvertTo-Text $_.displayName 256; state = ConvertTo-Number $_.productState }
        })
    }
    Add-Section 'products' {
        Assert-FullLanguage
        $products = New-Object -ComObject 'HNetCfg.FwProducts'
        $found = @(foreach ($product in $products) {
            @{
                name = ConvertTo-Text $product.DisplayName 256
                categories = @(foreach ($one in $product.RuleCategories) { ConvertTo-Number $one })
            }
        })
        if ($found.Count -ne $products.Count) { throw 'value-missing' }
        New-List $found
    }
    # Last, as they are the most text.
    foreach ($store in @("$local\FirewallRules", "$group\FirewallRules", "$local\Mdm\FirewallRules")) {
        Add-Key $store
    }
    Add-Key "$local\RestrictedServices\Static\System"
    Add-Key "$local\RestrictedServices\Configurable\System"
}

function Add-Programs {
    Add-Section 'services' {
        $query = 'SELECT Name, State, StartMode, ProcessId, PathName, StartName FROM Win32_Service'
        New-List (Get-Rows 'root/cimv2' $query | ForEach-Object {
            @{
                name = ConvertTo-Text $_.Name 256
                state = ConvertTo-Text $_.State 32
                start = ConvertTo-Text $_.StartMode 32
                pid = ConvertTo-Number $_.ProcessId
                path = ConvertTo-Program $_.PathName
                account = ConvertTo-Text $_.StartName 256
            }
        })
    }
    Add-Section 'processes' {
        $query = 'SELECT ProcessId, Name, ExecutablePath FROM Win32_Process'
        New-List (Get-Rows 'root/cimv2' $query | ForEach-Object {
            @{
                pid = ConvertTo-Number $_.ProcessId
                name = ConvertTo-Text $_.Name 256
                path = ConvertTo-Text $_.ExecutablePath 512
            }
        })
    }
}

function Get-Stat($Path) {
    try {
        $item = Get-Item -LiteralPath $Path -Force -ErrorAction Stop
        $kind = 'file'
        $size = $item.Length
        if ($item.PSIsContainer) { $kind = 'directory'; $size = 0 }
        $modified = $item.LastWriteTimeUtc.Ticks
        @{ path = $Path; kind = $kind; size = ConvertTo-Number $size; modified = ConvertTo-Number $modified }
    } catch {
        $failure = ConvertTo-Failure $_
        if ($failure.category -eq 'ObjectNotFound') { $failure = @{ kind = 'absent' } }
        $failure.path = $Path
        $failure
    }
}

# No code page can change ASCII. (A script block as replacement does nothing in ConstrainedLanguage.)
function ConvertTo-Ascii($Text) {
    $at = 0
    $parts = @(
        foreach ($run in [regex]::Matches($Text, '[^\x20-\x7e]+')) {
            $Text.Substring($at, $run.Index - $at)
            foreach ($char in $run.Value.ToCharArray()) { '\u{0:x4}' -f [int]$char }
            $at = $run.Index + $run.Length
        }
        $Text.Substring($at)
    )
    $parts -join ''
}

function Add-Answers($request) {
    if ($request.antivirus.folders -or $request.antivirus.types) { Start-Tests $request.antivirus }
    Add-Machine
    Add-Network
    Add-Listeners
    Add-Programs
    Add-Firewall
    Add-Antivirus $request.antivirus.folders
    if (@($request.files).Count) {
        Add-Section 'files' { New-List @(foreach ($path in $request.files) { Get-Stat $path }) }
    }
    if (@($request.targets).Count) { Add-Probes $request.targets }
    if ($sections['asked_antivirus']) { Stop-Tests $request.antivirus }
}

function Get-Answer($RequestText) {
    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'
    $WarningPreference = 'SilentlyContinue'
    if ($PSVersionTable.PSVersion.Major -lt 3) {
        return '{"v":1,"platform":"windows","error":"PowerShell is older than 3.0"}'
    }
    $start = [datetime]::UtcNow.Ticks
    $sections = [ordered]@{}
    $registry = [ordered]@{}
    $room = @{ characters = 3000000; seconds = 40 }
    $request = ConvertFrom-Json $RequestText
    $planted = @{ files = @(); folders = @(); present = @(); left = @(); defender = $false }
    try {
        Add-Answers $request
    } finally {
        # Also where it is stopped from outside.
        if ($planted.files.Count -or $planted.folders.Count) { Clear-Files }
    }
    $sections['clock'] = @{ ok = $true; value = @{ start = $start; end = [datetime]::UtcNow.Ticks } }
    $answer = [ordered]@{ v = 1; platform = 'windows'; sections = $sections; registry = $registry; complete = $true }
    $text = ConvertTo-Ascii (ConvertTo-Json -InputObject $answer -Compress -Depth 7)
    if ($text.Length -gt 8000000) {
        return '{"v":1,"platform":"windows","error":"the answer would have more than 8 million characters"}'
    }
    $text
}

Get-Answer $WfoRequest
