package pipeline

import (
	"net/url"
	"strings"
)

// NormalizeChartURL returns the form in which addresses of chart repositories are
// compared: of an OCI one what [NormalizeImage] makes of it, without the scheme; of
// a classic one the address with its host in lower case and without credentials,
// trailing slash and the name of its index.
func NormalizeChartURL(raw string) string {
	s := strings.TrimSpace(raw)
	if len(s) >= 6 && strings.EqualFold(s[:6], "oci://") {
		return NormalizeImage(strings.TrimSuffix(s[6:], "/"))
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return NormalizeImage(s)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	return strings.TrimSuffix(strings.TrimSuffix(u.String(), "/index.yaml"), "/")
}
