package outbound

import "net/netip"

// kind says why an address is refused; public is not.
type kind string

const (
	public      kind = ""
	metadata    kind = "an address of a metadata service"
	loopback    kind = "a loopback address"
	linkLocal   kind = "a link-local address"
	private     kind = "a private address"
	shared      kind = "an address shared by carriers (100.64.0.0/10)"
	multicast   kind = "a multicast address"
	unspecified kind = "an unspecified address"
	special     kind = "an address for special purposes"
)

type addressRange struct {
	prefix netip.Prefix
	kind   kind
}

// ranges are IANA's special-purpose registries, as far as netip does not know them,
// and the services that clouds put beside every machine.
func ranges() []addressRange {
	list := []struct {
		prefix string
		kind   kind
	}{
		{"169.254.169.254/32", metadata},
		{"169.254.170.2/32", metadata},
		{"169.254.170.23/32", metadata},
		{"168.63.129.16/32", metadata},
		{"100.100.100.200/32", metadata},
		{"fd00:ec2::254/128", metadata},
		{"fd00:ec2::23/128", metadata},
		{"fd20:ce::254/128", metadata},
		{"0.0.0.0/8", unspecified},
		{"100.64.0.0/10", shared},
		{"192.0.0.0/24", special},
		{"192.0.2.0/24", special},
		{"192.88.99.0/24", special},
		{"198.18.0.0/15", special},
		{"198.51.100.0/24", special},
		{"203.0.113.0/24", special},
		{"240.0.0.0/4", special},
		{"100::/64", special},
		{"2001::/23", special},
		{"2001:db8::/32", special},
		{"3fff::/20", special},
		{"5f00::/16", special},
		{"64:ff9b:1::/48", special},
		{"fec0::/10", private},
	}
	out := make([]addressRange, len(list))
	for i, l := range list {
		out[i] = addressRange{netip.MustParsePrefix(l.prefix), l.kind}
	}
	return out
}

// classifier judges addresses.
type classifier struct {
	ranges []addressRange
	embeds []embed
}

// embed is a range of IPv6 addresses that lead to the IPv4 address they hold.
type embed struct {
	prefix netip.Prefix
	offset int // of the IPv4 address, in bytes
}

func newClassifier() *classifier {
	return &classifier{ranges: ranges(), embeds: []embed{
		{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
		{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
		{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible
		{netip.MustParsePrefix("::ffff:0:0:0/96"), 12},
	}}
}

// canonical returns the address that a connection to addr reaches.
func (c *classifier) canonical(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() || addr.IsLoopback() || addr.IsUnspecified() {
		return addr
	}
	for _, e := range c.embeds {
		if e.prefix.Contains(addr) {
			raw := addr.As16()
			return netip.AddrFrom4([4]byte(raw[e.offset : e.offset+4]))
		}
	}
	return addr
}

// classify says what kind of address it is. addr is canonical.
func (c *classifier) classify(addr netip.Addr) kind {
	if !addr.IsValid() {
		return special
	}
	for _, r := range c.ranges {
		if r.prefix.Contains(addr) {
			return r.kind
		}
	}
	switch {
	case addr.IsUnspecified():
		return unspecified
	case addr.IsLoopback():
		return loopback
	case addr.IsLinkLocalUnicast():
		return linkLocal
	case addr.IsMulticast():
		return multicast
	case addr.IsPrivate():
		return private
	case !addr.IsGlobalUnicast():
		return special
	}
	return public
}
