package argocd

import (
	"encoding/json"
	"slices"
	"time"
)

// Application is as much of an Application as matters here.
type Application struct {
	Metadata struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Source  json.RawMessage   `json:"source"`
		Sources []json.RawMessage `json:"sources"`
	} `json:"spec"`
	// Operation is one that was asked for and that Argo CD has not taken up yet.
	Operation *Operation `json:"operation"`
	Status    Status     `json:"status"`
}

// Status is what Argo CD found.
type Status struct {
	Health struct {
		// Status is Healthy, Progressing, Suspended, Degraded, Missing, Unknown or empty.
		Status  string `json:"status"`
		Message string `json:"message"`
	} `json:"health"`
	Sync struct {
		// Status is Synced, OutOfSync, Unknown or empty.
		Status    string   `json:"status"`
		Revision  string   `json:"revision"`
		Revisions []string `json:"revisions"`
	} `json:"sync"`
	OperationState *OperationState `json:"operationState"`
	Conditions     []Condition     `json:"conditions"`
	// ReconciledAt is when the Application was last compared with its sources.
	ReconciledAt time.Time `json:"reconciledAt"`
}

// Condition is something worth knowing; types that end in Error are errors.
type Condition struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// Health as Argo CD calls it.
const (
	Healthy     = "Healthy"
	Progressing = "Progressing"
	Suspended   = "Suspended"
	Degraded    = "Degraded"
	Unknown     = "Unknown"
)

// Synced is the sync status of an Application that is as its sources say.
const Synced = "Synced"

// Key names the Application as it names itself.
func (a Application) Key() Key {
	return Key{Name: a.Metadata.Name, Namespace: a.Metadata.Namespace}
}

// Title is how messages call the Application.
func (a Application) Title() string { return a.Key().title() }

// Errors are the conditions under which, for Kargo, nothing that is said of the
// Application can be relied on.
func (a Application) Errors() []Condition {
	return slices.DeleteFunc(slices.Clone(a.Status.Conditions), func(c Condition) bool {
		return c.Type != "ComparisonError" && c.Type != "InvalidSpecError"
	})
}

// Revisions are those that the Application was last compared with, one for each source.
func (a Application) Revisions() []string {
	return revisions(a.Status.Sync.Revision, a.Status.Sync.Revisions)
}

// Stale reports whether what is said of health is older than the last operation, which
// may have changed everything.
func (a Application) Stale() bool {
	state := a.Status.OperationState
	return state != nil && !state.FinishedAt.IsZero() && !a.Status.ReconciledAt.After(state.FinishedAt)
}

// revisions is the form that Applications with several sources have, for all.
func revisions(one string, several []string) []string {
	if len(several) > 0 {
		return several
	}
	return []string{one}
}
