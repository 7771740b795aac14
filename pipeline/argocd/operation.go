package argocd

import "time"

// Operation is a sync that somebody asked for.
type Operation struct {
	InitiatedBy struct {
		Username  string `json:"username"`
		Automated bool   `json:"automated"`
	} `json:"initiatedBy"`
	Info []Info `json:"info"`
}

// Info is a note that an operation carries.
type Info struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// OperationState is how the newest operation went, or goes.
type OperationState struct {
	Operation Operation `json:"operation"`
	// Phase is Running, Terminating, Succeeded, Failed or Error.
	Phase      string    `json:"phase"`
	Message    string    `json:"message"`
	FinishedAt time.Time `json:"finishedAt"`
	SyncResult *struct {
		Revision  string   `json:"revision"`
		Revisions []string `json:"revisions"`
	} `json:"syncResult"`
}

// Note returns the value of a note, empty for none.
func (o Operation) Note(name string) string {
	for _, info := range o.Info {
		if info.Name == name {
			return info.Value
		}
	}
	return ""
}

// By names who asked for the operation.
func (o Operation) By() string {
	switch {
	case o.InitiatedBy.Automated:
		return "automated sync"
	case o.InitiatedBy.Username != "":
		return Line(o.InitiatedBy.Username, 100)
	}
	return "somebody"
}

// Succeeded reports whether the operation has ended well.
func (s OperationState) Succeeded() bool { return s.Phase == "Succeeded" }

// Ended reports whether the operation has ended.
func (s OperationState) Ended() bool {
	return s.Succeeded() || s.Phase == "Failed" || s.Phase == "Error"
}

// Revisions are those that were synced to, one for each source; nil when it is not
// known.
func (s OperationState) Revisions() []string {
	if s.SyncResult == nil {
		return nil
	}
	return revisions(s.SyncResult.Revision, s.SyncResult.Revisions)
}

// Running returns the operation that is under way, nil for none.
func (a Application) Running() *Operation {
	if a.Operation != nil {
		return a.Operation
	}
	if state := a.Status.OperationState; state != nil && state.Phase != "" && !state.Ended() {
		return &state.Operation
	}
	return nil
}

// Last returns how the newest operation ended, nil when one is under way or there was
// none.
func (a Application) Last() *OperationState {
	state := a.Status.OperationState
	if a.Running() != nil || state == nil || !state.Ended() {
		return nil
	}
	return state
}
