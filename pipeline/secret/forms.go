package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
)

const (
	// leastLine is the length from which each line of a value counts as a value, in
	// bytes. Shorter ones are the braces of JSON and the like.
	leastLine = 8
	// leastEncoded is the length from which a value is looked for inside Base64 of
	// something larger: less of it says too little.
	leastEncoded = 6
	// leastNumber is the length from which another spelling of a number counts.
	leastNumber = 3
)

// forms lists how a value may come back.
func forms(value string) []string {
	var all []string
	for _, v := range parts(value) {
		quoted, _ := json.Marshal(v)
		escaped := strings.Trim(string(quoted), `"`)
		again, _ := json.Marshal(escaped)
		all = append(all,
			v, url.QueryEscape(v), url.PathEscape(v), html.EscapeString(v),
			escaped, strings.Trim(string(again), `"`), strings.Trim(strconv.Quote(v), `"`),
			hex.EncodeToString([]byte(v)), strings.ToUpper(hex.EncodeToString([]byte(v))),
			base64.StdEncoding.EncodeToString([]byte(v)), base64.URLEncoding.EncodeToString([]byte(v)),
			base64.RawURLEncoding.EncodeToString([]byte(v)),
		)
		if number, err := strconv.ParseFloat(v, 64); err == nil {
			// What expressions make of text that looks like a number.
			if n, err := json.Marshal(number); err == nil && len(n) >= leastNumber {
				all = append(all, string(n))
			}
		}
		if len(v) >= leastEncoded {
			all = append(all, within(base64.RawStdEncoding, v)...)
			all = append(all, within(base64.RawURLEncoding, v)...)
		}
	}
	return all
}

// parts are the value, without the line break that an editor or echo leaves, and the
// lines of a longer one.
func parts(value string) []string {
	all := []string{value, strings.TrimSpace(value)}
	for line := range strings.Lines(value) {
		if line = strings.TrimSpace(line); len(line) >= leastLine {
			all = append(all, line)
		}
	}
	return all
}

// within returns those characters of Base64 that a value alone decides, for each of
// the three places in a group of bytes at which it may begin: "user:password" is
// encoded as a whole.
func within(enc *base64.Encoding, value string) []string {
	var all []string
	for before := range 3 {
		encoded := enc.EncodeToString(append(make([]byte, before), value...))
		first := (before*8 + 5) / 6
		last := (before + len(value)) * 8 / 6
		all = append(all, encoded[first:last])
	}
	return all
}
