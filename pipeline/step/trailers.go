package step

import (
	"regexp"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/report"
)

var forged = regexp.MustCompile(`(?im)^(kargo-[a-z]+:)`)

// withTrailers appends to a message the lines by which a Promotion's commits
// are recognised. Lines of the message that look like them are indented, so
// that outside text cannot speak for a Promotion.
func withTrailers(message string, p *pipeline.Promotion) string {
	message = strings.ReplaceAll(strings.ReplaceAll(message, "\r\n", "\n"), "\r", "\n")
	message = forged.ReplaceAllString(strings.TrimSpace(message), " $1")
	return message + "\n\n" + report.Trailers(p) + "\n"
}
