package report

import (
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline"
)

// ReplyMarker begins the bot's reply to one comment.
func ReplyMarker(comment int64) string {
	return fmt.Sprintf("<!-- kargo:v1 reply=%d -->", comment)
}

// AnswerMarker begins the bot's reply to requests of one comment that were decided
// on together, of which the given one is the first.
func AnswerMarker(comment int64, intent string) string {
	return fmt.Sprintf("<!-- kargo:v1 reply=%d intent=%s -->", comment, intent)
}

// Answered is a request that was decided on.
type Answered struct {
	// Intent names the Promotion and the Freight that came of it, if any.
	pipeline.Intent
	// Refusal is nil for what was granted.
	Refusal *pipeline.UserError
}

// NeedsState reports whether [Answer] looks at the state for what came of such a
// request.
func NeedsState(in pipeline.Intent) bool { return in.Kind == pipeline.IntentCreate }

// Answer is the reply to requests that were decided on together, "" when the
// reaction under the comment says enough.
func Answer(s pipeline.Snapshot, answered []Answered) string {
	var parts []string
	for _, a := range answered {
		text := granted(s, a)
		if a.Refusal != nil {
			text = Refusal(a.Refusal)
			if a.Batch != "" {
				text = Text(a.Stage) + ": " + text
			}
		}
		if text != "" {
			parts = append(parts, strings.TrimRight(text, "\n"))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return limit(strings.Join(parts, "\n\n")+"\n", bodyLimit)
}

// granted is what there is to say about a request that was granted.
func granted(s pipeline.Snapshot, a Answered) string {
	switch a.Kind {
	case pipeline.IntentCreate:
		f, ok := s.FreightByID(a.Freight)
		if !ok {
			return ""
		}
		return fmt.Sprintf("This is **%s** (%s). Next: %s", Text(f.Headline()), Text(f.Alias), Code("/promote STAGE "+f.Alias))
	case pipeline.IntentFreeze:
		text := "Nothing is promoted"
		if !a.Until.IsZero() {
			text += " until " + moment(a.Until)
		}
		return text + ", and nothing merges that is on its way: " + orDash(Text(a.Reason)) + ". " + Code("/kargo thaw") + " ends it."
	case pipeline.IntentHold:
		return fmt.Sprintf("%s takes no Freight by itself: %s. %s lets go.", Text(a.Stage), orDash(Text(a.Reason)), Code("/kargo resume "+a.Stage))
	case pipeline.IntentApprove:
		if a.Bypass {
			return fmt.Sprintf("%s let Freight %s into %s without upstream verification: %s.", Text(a.Actor.Login), Text(pipeline.Short(a.Freight)), Text(a.Stage), Text(a.Reason))
		}
	case pipeline.IntentRollback:
		if a.Promotion != "" {
			return fmt.Sprintf("%s brings it back, and holds %s: %s lets go.", Text(a.Promotion), Text(a.Stage), Code("/kargo resume "+a.Stage))
		}
	case pipeline.IntentPromote, pipeline.IntentAbort, pipeline.IntentRetry, pipeline.IntentReject, pipeline.IntentVerify, pipeline.IntentStopVerify,
		pipeline.IntentResume, pipeline.IntentThaw, pipeline.IntentAnswer, pipeline.IntentAlias, pipeline.IntentDelete:
	}
	return ""
}

// Refusal says why something was not done and what to do instead.
func Refusal(err *pipeline.UserError) string {
	s := Text(err.Message) + "."
	if err.Hint == "" {
		return s
	}
	if strings.HasPrefix(err.Hint, "/") {
		return s + "\n\nNext: " + Code(err.Hint)
	}
	return s + "\n\n" + Text(err.Hint)
}
