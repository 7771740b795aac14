package argocd

import (
	"fmt"
	"strings"
)

// AuthorizedStage is the annotation by which those who own an Application let Stages
// change it: a list of PROJECT:STAGE, separated by commas.
const AuthorizedStage = "kargo.akuity.io/authorized-stage"

// Authorize says why the Stage of a project may not change the Application; nil when it
// may. As in Kargo there are no wildcards, and an entry of another form makes the whole
// annotation void.
func (a Application) Authorize(project, stage string) error {
	value := a.Metadata.Annotations[AuthorizedStage]
	allowed := false
	for entry := range strings.SplitSeq(value, ",") {
		entry = strings.TrimSpace(entry)
		p, s, ok := strings.Cut(entry, ":")
		switch {
		case entry == "":
		case !ok || strings.Contains(entry, "*"):
			return fmt.Errorf("%s: its annotation %s has %q, which is not of the form PROJECT:STAGE without wildcards",
				a.Title(), AuthorizedStage, Line(entry, 100))
		case p == project && s == stage:
			allowed = true
		}
	}
	if !allowed {
		return fmt.Errorf("%s does not let Stage %s of %s change it; its owner allows that with the annotation %s: %s:%s",
			a.Title(), stage, project, AuthorizedStage, project, stage)
	}
	return nil
}
