package argocdtest

import "time"

// begin asks for an operation, as a sync does: what is known of the one before goes.
func (s *Server) begin(a *application, by string, info []any) {
	a.object["operation"] = map[string]any{
		"initiatedBy": map[string]any{"username": by}, "info": info, "sync": map[string]any{"prune": false},
	}
	delete(child(a.object, "status"), "operationState")
	a.syncs++
	s.changed(a)
}

// Advance moves the operations of all Applications on by one state.
func (s *Server) Advance() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance()
}

func (s *Server) advance() {
	for _, a := range s.apps {
		status := child(a.object, "status")
		state, _ := status["operationState"].(map[string]any)
		switch {
		case a.object["operation"] != nil && state == nil:
			status["operationState"] = map[string]any{
				"phase": "Running", "operation": a.object["operation"], "startedAt": s.stamp(), "message": "waiting for healthy state",
			}
		case state != nil && state["phase"] == "Running":
			s.end(a, status, state)
		default:
			continue
		}
		s.changed(a)
	}
}

// end ends an operation. Health is that of before until the Application is looked at.
func (s *Server) end(a *application, status, state map[string]any) {
	delete(a.object, "operation")
	state["phase"], state["finishedAt"], state["message"] = "Succeeded", s.stamp(), "successfully synced"
	result := s.resolved(a)
	state["syncResult"] = result
	if a.fate != "" && a.fate != "Succeeded" {
		state["phase"], state["message"] = a.fate, "one or more objects failed to apply"
		return
	}
	status["sync"] = map[string]any{"status": "Synced"}
	for key, value := range result {
		child(status, "sync")[key] = value
	}
}

// reconcile compares an Application with its sources and looks at its health.
func (s *Server) reconcile(a *application) {
	status := child(a.object, "status")
	state, _ := status["operationState"].(map[string]any)
	now := s.Now().UTC().Truncate(time.Second)
	if state != nil {
		child(status, "health")["status"] = a.health
		text, _ := state["finishedAt"].(string)
		if finished, err := time.Parse(time.RFC3339, text); err == nil && !now.After(finished) {
			now = finished.Add(time.Second)
		}
	}
	sync := child(status, "sync")
	for key, value := range s.resolved(a) {
		if text, one := value.(string); one && sync[key] != nil && sync[key] != text && sync["status"] == "Synced" {
			sync["status"] = "OutOfSync"
		}
		sync[key] = value
	}
	status["reconciledAt"] = now.Format(time.RFC3339)
	s.changed(a)
}

// resolved is what the targets of the sources mean now.
func (s *Server) resolved(a *application) map[string]any {
	spec := child(a.object, "spec")
	meaning := func(source any) string {
		fields, _ := source.(map[string]any)
		repoURL, _ := fields["repoURL"].(string)
		target, _ := fields["targetRevision"].(string)
		if revision, ok := s.revisions[[2]string{repoURL, target}]; ok {
			return revision
		}
		if s.Resolve != nil {
			if revision := s.Resolve(repoURL, target); revision != "" {
				return revision
			}
		}
		return target
	}
	sources, several := spec["sources"].([]any)
	if !several {
		return map[string]any{"revision": meaning(spec["source"])}
	}
	list := make([]any, len(sources))
	for i, source := range sources {
		list[i] = meaning(source)
	}
	return map[string]any{"revisions": list}
}
