package step

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// automation is the Kargo-Actor of what no person asked for.
const automation = "kargo"

// trailers are the lines by which commits and merges of a Promotion are
// recognised.
func trailers(p *pipeline.Promotion) string {
	var b strings.Builder
	for _, t := range [...][2]string{
		{"Pipeline", p.Pipeline},
		{"Stage", p.Stage.Name},
		{"Freight", p.Freight.ID},
		{"Promotion", p.ID},
		{"Actor", cmp.Or(p.Actor, automation)},
	} {
		b.WriteString("Kargo-" + t[0] + ": " + oneLine(t[1]) + "\n")
	}
	return b.String()
}

var forged = regexp.MustCompile(`(?im)^(kargo-[a-z]+:)`)

// withTrailers appends the trailers to a message. Lines of the message that
// look like them are indented, so that outside text cannot speak for a
// Promotion.
func withTrailers(message string, p *pipeline.Promotion) string {
	message = strings.ReplaceAll(strings.ReplaceAll(message, "\r\n", "\n"), "\r", "\n")
	message = forged.ReplaceAllString(message, " $1")
	return strings.TrimSpace(message) + "\n\n" + trailers(p)
}
