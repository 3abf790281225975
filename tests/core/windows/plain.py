"""A plain evaluator: one remote address, one own address, one rule at a time.

It shares nothing with the evaluator but the rules as the parser gives them and the host's model.
Answers are True, False or None ("depends").
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pytest_wfo.core.policy import Decision, Direction
from pytest_wfo.core.windows_firewall import NetworkInterface, Program, WindowsFirewall
from pytest_wfo.core.windows_rules import Action, Ports, Profile, Store, WindowsRule

Tri = bool | None
MOVING = {"rpc", "teredo", "dhcp", "ply2disc", "mdns", "cortanaout"}
HTTPS_KEYWORDS = {"iptlsin", "iphttpsin", "iptlsout", "iphttpsout"}
NEVER = {"ply2renders", "captiveportal"}
LATE = NEVER | {"intranet", "internet", "rmtintranet", "internallocaladdresses"}
RESOLVED = ("localsubnet", "dns", "dhcp", "wins", "defaultgateway")
TRIED = (1024, 2010, 30000, 49000, 65535)  # client ports that the random rules tell apart
TYPES = {"lan": 6, "wireless": 71, "remoteaccess": 23}


def conjunction(answers: Iterable[Tri]) -> Tri:
    found = list(answers)
    if False in found:
        return False
    return None if None in found else True


def disjunction(answers: Iterable[Tri]) -> Tri:
    found = list(answers)
    if True in found:
        return True
    return None if None in found else False


@dataclass(frozen=True)
class Way:
    interface: NetworkInterface | None
    profile: Profile
    certain: bool


class Plain:
    def __init__(
        self,
        firewall: WindowsFirewall,
        direction: Direction,
        port: int,
        programs: tuple[Program, ...],
    ) -> None:
        self.firewall = firewall
        self.inward = direction is Direction.IN
        self.direction = direction
        self.port = port
        self.programs = programs

    # --- one connection ---------------------------------------------------------------------------

    def decision(self, own: int, remote: int) -> Decision:
        hosts = [(i, a) for i in self.firewall.interfaces for a in numbers(i.addresses)]
        holder = next((i for i, a in hosts if a == own), None)
        self.held = holder is not None
        if remote in [a for _, a in hosts] or remote >> 24 == 127:
            return self.hardened(Decision.PERMITTED, own, remote, Way(None, Profile.PUBLIC, False))
        answers = []
        for way in self.ways(holder, remote):
            decision = self.by_rules(own, remote, way)
            answers.append((self.hardened(decision, own, remote, way), way.certain))
        if (Decision.DENIED, True) in answers:
            return Decision.DENIED
        kinds = {decision for decision, _ in answers}
        return kinds.pop() if len(kinds) == 1 else Decision.UNDECIDED

    def ways(self, holder: NetworkInterface | None, remote: int) -> list[Way]:
        interfaces = self.firewall.interfaces
        used = [i for i in interfaces if inside(remote, i.addresses)]
        used = used or [i for i in interfaces if i.gateways != ()]
        if holder is None:
            used = used or list(interfaces)
        if holder is not None:
            used = [holder, *(i for i in used if i is not holder)]
        ways = []
        for interface in used:
            known = interface.profile is not None
            for profile in Profile:
                if interface.profile in (None, profile):
                    ways.append(Way(interface, profile, interface is holder and known))
        return ways or [Way(None, profile, False) for profile in Profile]

    def by_rules(self, own: int, remote: int, way: Way) -> Decision:
        profile = self.firewall.profiles[way.profile]
        if not profile.enabled:
            return Decision.PERMITTED
        if profile.disabled_interfaces:
            if way.interface is None:
                return Decision.UNDECIDED
            if way.interface.id.lower() in profile.disabled_interfaces:
                return Decision.PERMITTED
        if self.inward and profile.shielded:
            return Decision.DENIED
        allow, block, bypass = [], [], []
        for rule in self.firewall.rules:
            if rule.store in (Store.WSH_STATIC, Store.WSH_CONFIG):
                continue
            if rule.action is Action.BYPASS or (
                rule.action is Action.ALLOW and rule.bypasses_blocks
            ):
                bypass.append(self.meets(rule, own, remote, way))
            elif rule.action is Action.ALLOW:
                allow.append(self.meets(rule, own, remote, way))
            else:
                block.append(self.meets(rule, own, remote, way))
        default = not (profile.blocks_in if self.inward else profile.blocks_out)
        allowed, blocked = disjunction([*allow, default]), disjunction(block)
        if disjunction(bypass) is not False:
            # IPsec may lift any denial.
            return (
                Decision.PERMITTED if allowed is True and blocked is False else Decision.UNDECIDED
            )
        if blocked is True or allowed is False:
            return Decision.DENIED
        if allowed is True and blocked is False:
            return Decision.PERMITTED
        return Decision.UNDECIDED

    def hardened(self, decision: Decision, own: int, remote: int, way: Way) -> Decision:
        """Allow beats Block; who is named but not spoken of stays open."""
        if decision is Decision.DENIED:
            return decision
        allow: list[Tri] = []
        block: list[Tri] = []
        named = False
        for rule in self.firewall.rules:
            if rule.store not in (Store.WSH_STATIC, Store.WSH_CONFIG) or not rule.active:
                continue
            bound = bool(rule.program or rule.service)
            if bound and not self.programs:
                continue
            if self.ignored(rule) or not self.of_direction(rule) or self.of_program(rule) is False:
                continue
            named = named or bound
            answer = self.meets(rule, own, remote, way)
            (allow if rule.action is Action.ALLOW else block).append(answer)
        allowed, blocked = disjunction(allow), disjunction(block)
        if allowed is True:
            return decision
        if blocked is True and allowed is False:
            return Decision.DENIED
        if blocked is False and allowed is False and not named:
            return decision
        return Decision.UNDECIDED

    # --- one rule ---------------------------------------------------------------------------------

    def ignored(self, rule: WindowsRule) -> bool:
        if rule.version and rule.version[0] != 2:
            return True
        if rule.action is None and not rule.lacks("Action"):
            return True
        return bool(rule.elsewhere) and not self.newer(rule)

    def newer(self, rule: WindowsRule) -> bool:
        host = self.firewall.policy_version
        return bool(host and rule.version and rule.version > host)

    def of_direction(self, rule: WindowsRule) -> bool:
        return rule.direction is self.direction or (rule.direction is None and rule.lacks("Dir"))

    def meets(self, rule: WindowsRule, own: int, remote: int, way: Way) -> Tri:
        if self.ignored(rule) or not self.of_direction(rule):
            return False
        allows = rule.action is Action.ALLOW
        if rule.problems and allows:
            return False
        if rule.protocol not in (6, 256) or way.profile not in rule.profiles:
            return False
        if not rule.active and not rule.lacks("Active"):
            return False
        if self.void(rule, way.profile):
            return False
        service, client = rule.local_ports, rule.remote_ports
        if not self.inward:
            service, client = client, service
        free = allows and rule.ignores_remote
        answers: list[Tri] = [
            True if free and not self.inward else self.names_port(service, allows),
            True if free and self.inward else self.names_client(client),
            True if free else self.names_remote(rule, remote, way),
            self.of_program(rule),
            self.of_interface(rule, way),
            self.of_own(rule, own),
            self.of_windows(rule),
        ]
        if rule.conditions or rule.problems or rule.lacks("Active"):
            answers.append(None)
        late = LATE & set(rule.remote.keywords) if rule.remote else ()
        if self.newer(rule) and (rule.elsewhere or late):
            answers.append(None)
        return conjunction(answers)

    def void(self, rule: WindowsRule, profile: Profile) -> bool:
        if rule.store is not Store.LOCAL:
            return False
        merged = self.firewall.profiles[profile]
        tcp_or_udp = rule.protocol in (6, 17)
        ports = rule.local_ports
        program = rule.program and not rule.service and tcp_or_udp and not ports
        one_port = (
            not rule.program
            and not rule.service
            and tcp_or_udp
            and ports
            and not ports.keywords
            and len(ports.spans) == 1
        )
        return (
            not merged.local_rules
            or bool(program and not merged.local_programs)
            or bool(one_port and not merged.local_open_ports)
        )

    def names_port(self, ports: Ports | None, allows: bool) -> Tri:
        if ports is None or any(low <= self.port <= high for low, high in ports.spans):
            return True
        answers: list[Tri] = []
        for keyword in ports.keywords:
            if keyword in MOVING:
                answers.append(False)
            elif keyword == "rpc-epmap":
                answers.append(None if self.port == 135 else False)
            elif keyword in HTTPS_KEYWORDS:
                answers.append(None if self.port == 443 and not allows else False)
            elif keyword == "tcpcdpsvc":
                answers.append(None if self.port == 5040 and not allows else False)
            else:
                answers.append(None)
        return disjunction(answers)

    def names_client(self, ports: Ports | None) -> Tri:
        if ports is None:
            return True
        client_ports = [any(low <= port <= high for low, high in ports.spans) for port in TRIED]
        if all(client_ports):
            return True
        return None if any(client_ports) or ports.keywords else False

    def names_remote(self, rule: WindowsRule, remote: int, way: Way) -> Tri:
        condition = rule.remote
        if condition is None:
            return True
        if self.newer(rule) and LATE & set(condition.keywords):
            return None
        answers: list[Tri] = [any(low <= remote <= high for low, high in condition.intervals)]
        empty = False
        for keyword in condition.keywords:
            if keyword in NEVER:
                answers.append(False)
                empty = True
            elif keyword not in RESOLVED or way.interface is None:
                answers.append(None)
            else:
                lists = [self.keyword(keyword, i) for i in self.firewall.interfaces]
                empty = empty or all(each == () for each in lists)
                here = self.keyword(keyword, way.interface)
                if here is not None and inside(remote, here):
                    answers.append(True)
                else:
                    anywhere = any(each is None or inside(remote, each) for each in lists)
                    answers.append(None if anywhere else False)
        found = disjunction(answers)
        return None if found and empty else found

    def keyword(self, keyword: str, interface: NetworkInterface) -> tuple[str, ...] | None:
        return {
            "localsubnet": interface.addresses,
            "dns": interface.dns,
            "dhcp": interface.dhcp,
            "wins": interface.wins,
            "defaultgateway": interface.gateways,
        }[keyword]

    def of_program(self, rule: WindowsRule) -> Tri:
        if not rule.program and not rule.service:
            return True
        of_windows = ("%systemroot%", "%windir%", "c:\\windows")
        if not self.programs and rule.program.lower().split("\\system32")[0] in of_windows:
            return False  # no WFO program and no browser is part of Windows
        answers = set()
        for program in self.programs:
            each: list[Tri] = []
            if rule.program:
                wanted, path = rule.program.lower(), program.path.lower()
                if "\\" not in path and path != "system" and wanted != "system":
                    each.append(None if wanted.split("\\")[-1] == path else False)
                else:
                    each.append(wanted.replace("%systemroot%", "c:\\windows") == path)
            if rule.service:
                services = program.services
                if services is None:
                    each.append(None)
                elif rule.service == "*":
                    each.append(len(services) > 0)
                else:
                    each.append(rule.service.lower() in {s.lower() for s in services})
            answers.add(conjunction(each))
        return answers.pop() if len(answers) == 1 else None

    def of_interface(self, rule: WindowsRule, way: Way) -> Tri:
        answers: list[Tri] = []
        if rule.interfaces:
            named = [each.lower() for each in rule.interfaces]
            answers.append(None if way.interface is None else way.interface.id.lower() in named)
        if rule.interface_types:
            kinds = [TYPES.get(each.lower()) for each in rule.interface_types]
            kind = way.interface.type if way.interface else None
            if kind is not None and kind in kinds:
                answers.append(True)
            elif kind in TYPES.values() and None not in kinds:
                answers.append(False)
            else:
                answers.append(None)
        return conjunction(answers)

    def of_own(self, rule: WindowsRule, own: int) -> Tri:
        if rule.local is None:
            return True
        if not self.held:
            return None
        return any(low <= own <= high for low, high in rule.local.intervals)

    def of_windows(self, rule: WindowsRule) -> Tri:
        answers: list[Tri] = []
        if rule.skipped_up_to:
            host = self.firewall.policy_version
            answers.append(None if host is None else not host <= rule.skipped_up_to)
        if rule.platforms:
            version = self.firewall.windows_version
            if version is None:
                answers.append(None)
            else:
                exact = (2, *version) in rule.platforms
                system, *lowest = rule.platforms[-1]
                later = rule.or_later and system == 2 and list(version) >= lowest
                answers.append(exact or later)
        return conjunction(answers)


@lru_cache(256)
def parsed(text: str) -> tuple[int, int, int]:
    """An address with prefix length: itself, the first and the last of its network."""
    found = ipaddress.IPv4Interface(text)
    return int(found.ip), int(found.network[0]), int(found.network[-1])


def numbers(addresses: Iterable[str]) -> list[int]:
    return [parsed(text)[0] for text in addresses]


def inside(address: int, texts: Iterable[str]) -> bool:
    return any(parsed(text)[1] <= address <= parsed(text)[2] for text in texts)
