"""Random nftables rulesets about the addresses and ports of the kernel comparison."""

from __future__ import annotations

from random import Random

_SETS = """
  set near { type ipv4_addr; flags interval; elements = { 10.61.7.0/28, 10.61.7.200 } }
  set cloud { type ipv4_addr; flags interval; elements = { 207.166.94.0/25, 207.166.95.7, 207.166.95.64-207.166.95.190 } }
  set pairs { type ipv4_addr . inet_service; flags interval; elements = { 207.166.94.128/26 . 2000-2100, 207.166.95.9 . 2010, 10.61.7.10 . 443 } }
  map fate { type ipv4_addr : verdict; flags interval; elements = { 207.166.94.32/27 : drop, 207.166.95.32-207.166.95.60 : jump aside, 207.166.95.128/26 : accept } }
"""  # noqa: E501

_OTHER_PROTOCOLS = (
    "udp dport 2010",
    "meta l4proto { tcp, udp }",
    "ip protocol icmp",
    "meta nfproto ipv4",
)

_HOOKS = {
    "host": ("prerouting", "input", "output", "postrouting"),
    "edge": ("prerouting", "forward", "postrouting"),
}


def random_ruleset(random: Random, place: str) -> str:
    """A whole ruleset for the "host" or the "edge", as text for ``nft -f``."""
    family = random.choice(["ip", "inet"])
    hooks = random.sample(_HOOKS[place], random.randint(1, 2))
    hooks += random.choices(_HOOKS[place], k=random.randint(0, 1))
    chains = ["  chain aside {", *_rules(random, random.randint(0, 3), jumps=False), "  }"]
    chains += ["  chain further {", *_rules(random, random.randint(1, 3), jumps=True), "  }"]
    for number, hook in enumerate(hooks):
        priority = random.choice([-300, -150, 0, 0, 10, 150])
        policy = random.choice(["accept", "accept", "drop"])
        chains.append(f"  chain base{number} {{")
        chains.append(f"    type filter hook {hook} priority {priority}; policy {policy};")
        if random.random() < 0.15 and hook in {"prerouting", "output"}:
            chains.append(f"    {_condition(random)} notrack")
        if random.random() < 0.75:
            chains.append("    " + random.choice([
                "ct state established,related accept",
                "ct state vmap { established : accept, related : accept, invalid : drop }",
                "ct state != new accept",
            ]))  # fmt: skip
        chains += _rules(random, random.randint(1, 5), jumps=True, further=True)
        chains.append("  }")
    return f"table {family} wfo {{\n{_SETS}" + "\n".join(chains) + "\n}\n"


def _rules(random: Random, count: int, *, jumps: bool, further: bool = False) -> list[str]:
    rules = []
    for _ in range(count):
        conditions = [_condition(random) for _ in range(random.choice([0, 1, 1, 2, 2]))]
        verdicts = ["accept", "accept", "drop", "return", "counter", "reject with tcp reset"]
        if jumps:
            verdicts += ["jump aside", "goto aside"]
        if further:
            verdicts += ["jump further", "ip daddr vmap @fate", "ip saddr vmap @fate"]
        verdict = random.choice(verdicts)
        if verdict.startswith("reject"):
            verdict = random.choice(["reject with tcp reset", "drop"])
        if random.random() < 0.1:  # nft refuses these beside a condition on TCP
            conditions = [random.choice(_OTHER_PROTOCOLS)]
            verdict = verdict if "reset" not in verdict else "drop"
        rules.append("    " + " ".join([*conditions, verdict]))
    return rules


def _condition(random: Random) -> str:
    octet, top = random.choice([94, 95]), random.randint(1, 254)
    low = random.randint(1, top)
    side = random.choice(["saddr", "daddr"])
    return random.choice([
        f"ip {side} 207.166.{octet}.{low & 192}/{random.choice([26, 27, 28])}",
        f"ip {side} != 207.166.{octet}.0/24",
        f"ip {side} 207.166.{octet}.{low}-207.166.{octet}.{top}",
        f"ip {side} {{ 207.166.{octet}.{low}, 207.166.{189 - octet}.128/25, 10.61.7.10 }}",
        f"ip {side} @cloud",
        f"ip {side} != @cloud",
        f"ip {side} @near",
        f"ip {side} . tcp dport @pairs",
        "tcp dport 2010",
        "tcp dport { 80, 2000-2015 }",
        "tcp dport != 2010",
        "tcp sport 2010",
        "th dport >= 2011",
        "ct state new",
        "ct state new,untracked",
        "ct state established",
        "tcp flags & (fin|syn|rst|ack) == syn",
        'iifname "lo"',
        'iifname "e*"',
        'iifname { "lan", "wan" }',
        'iifname != "lan"',
        'oifname "eth0"',
        'oifname != "wan"',
        "fib daddr type local",
        "limit rate 1000/second",
    ])  # fmt: skip
