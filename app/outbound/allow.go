package outbound

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Allow is what the operator opens of the addresses that are refused otherwise. The
// zero value opens nothing.
type Allow struct{ entries []entry }

// entry is one line of the list: a name or a range of addresses, with a port or for
// all ports.
type entry struct {
	name   string // lower case; a leading dot means everything below
	prefix netip.Prefix
	port   uint16 // 0 means any
}

// ParseAllow reads entries of the forms name, *.name, address and range
// ("10.1.0.0/16"); each but a range may have a port. Empty entries are left out.
func ParseAllow(entries []string) (Allow, error) {
	var a Allow
	for _, raw := range entries {
		raw = strings.TrimSpace(raw)
		if raw == "" {
			continue
		}
		e, err := parseEntry(raw)
		if err != nil {
			return Allow{}, err
		}
		a.entries = append(a.entries, e)
	}
	return a, nil
}

func parseEntry(raw string) (entry, error) {
	if prefix, err := netip.ParsePrefix(raw); err == nil {
		if prefix.Addr().Is4In6() {
			return entry{}, fmt.Errorf("%q: write the range as IPv4", raw)
		}
		return entry{prefix: prefix.Masked()}, nil
	}
	host, port := raw, uint16(0)
	if h, p, err := net.SplitHostPort(raw); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return entry{}, fmt.Errorf("%q: %q is not a port", raw, p)
		}
		host, port = h, uint16(n)
	}
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		addr = addr.Unmap().WithZone("")
		return entry{prefix: netip.PrefixFrom(addr, addr.BitLen()), port: port}, nil
	}
	name, below := strings.CutPrefix(host, "*")
	name = canonicalName(name)
	if below != strings.HasPrefix(name, ".") || !isName(strings.TrimPrefix(name, ".")) {
		return entry{}, fmt.Errorf("%q is neither a host, a host:port nor a range such as 10.1.0.0/16", raw)
	}
	return entry{name: name, port: port}, nil
}

func canonicalName(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".") }

func isName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.' {
			return false
		}
	}
	return true
}

// name reports whether a name is on the list.
func (a Allow) name(host string, port uint16) bool {
	host = canonicalName(host)
	for _, e := range a.entries {
		if e.name == "" || e.port != 0 && e.port != port {
			continue
		}
		if e.name == host || e.name[0] == '.' && strings.HasSuffix(host, e.name) {
			return true
		}
	}
	return false
}

// address reports whether an address is on the list.
func (a Allow) address(addr netip.Addr, port uint16) bool {
	for _, e := range a.entries {
		if e.prefix.IsValid() && (e.port == 0 || e.port == port) && e.prefix.Contains(addr) {
			return true
		}
	}
	return false
}
