package jiratest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// workflow has the statuses that each leads to.
var workflow = map[string][]string{"To Do": {"In Progress"}, "In Progress": {"To Do", "Done"}, "Done": {"In Progress"}}

func (s *Server) create(w http.ResponseWriter, r *http.Request, version string) {
	var in struct {
		Fields map[string]any `json:"fields"`
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		refuse(w, http.StatusBadRequest, "Unexpected end-of-input")
		return
	}
	project, _ := in.Fields["project"].(map[string]any)
	kind, _ := in.Fields["issuetype"].(map[string]any)
	switch {
	case project["key"] != "OPS":
		refuseField(w, "project", "valid project is required")
	case kind["name"] != "Task" && kind["name"] != "Bug":
		refuseField(w, "issuetype", "Specify a valid issue type")
	case !s.fit(w, in.Fields, version):
	default:
		i := s.add(in.Fields)
		answer(w, http.StatusCreated, map[string]any{"id": strings.TrimPrefix(i.Key, "OPS-"), "key": i.Key})
	}
}

// fit refuses fields with values that the version does not take.
func (s *Server) fit(w http.ResponseWriter, fields map[string]any, version string) bool {
	if summary, ok := fields["summary"]; ok {
		if text, _ := summary.(string); text == "" || strings.Contains(text, "\n") {
			refuseField(w, "summary", "The summary is invalid because it contains newline characters.")
			return false
		}
	}
	if labels, ok := fields["labels"].([]any); ok {
		for _, l := range labels {
			if text, _ := l.(string); strings.ContainsAny(text, " \t") {
				refuseField(w, "labels", fmt.Sprintf("The label '%v' contains spaces which is invalid.", l))
				return false
			}
		}
	}
	if d, ok := fields["description"]; ok && !textual(d, version) {
		refuseField(w, "description", wrongText(version))
		return false
	}
	if a, ok := fields["assignee"].(map[string]any); ok {
		if _, id := a["accountId"]; id == s.DataCenter {
			refuseField(w, "assignee", "User does not exist.")
			return false
		}
	}
	return true
}

// textual says whether a version takes a value as text.
func textual(v any, version string) bool {
	if version == "2" {
		_, ok := v.(string)
		return ok
	}
	doc, ok := v.(map[string]any)
	return ok && doc["type"] == "doc" && doc["version"] == 1.0 && !hasEmptyText(doc)
}

func hasEmptyText(node map[string]any) bool {
	if node["type"] == "text" && node["text"] == "" {
		return true
	}
	content, _ := node["content"].([]any)
	return slices.ContainsFunc(content, func(c any) bool {
		child, ok := c.(map[string]any)
		return !ok || hasEmptyText(child)
	})
}

func wrongText(version string) string {
	if version == "2" {
		return "Operation value must be a string"
	}
	return "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
}

func (s *Server) users(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("project") != "OPS" && s.find(r.FormValue("issueKey")) == nil {
		refuse(w, http.StatusNotFound, missing)
		return
	}
	query := r.FormValue("query")
	if s.DataCenter {
		query = r.FormValue("username")
	}
	found := []any{}
	for _, u := range []map[string]any{
		{"accountId": "5b10", "name": "ana", "emailAddress": "ana@acme.dev"},
		{"accountId": "5b11", "name": "anabel", "emailAddress": "anabel@acme.dev"},
		{"accountId": "5b12", "name": "bo"}, // who hides the address
	} {
		if query != "" && strings.HasPrefix(query, fmt.Sprint(u["name"])) {
			found = append(found, u)
		}
	}
	answer(w, http.StatusOK, found)
}

func (s *Server) search(w http.ResponseWriter, r *http.Request) {
	var in struct {
		JQL    string   `json:"jql"`
		Fields []string `json:"fields"`
		Expand any      `json:"expand"`
		Max    int      `json:"maxResults"`
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	query, _, _ := strings.Cut(in.JQL, " ORDER BY ")
	field, value, ok := strings.Cut(query, " = ")
	if _, text := in.Expand.(string); err != nil || in.Expand != nil && text == s.DataCenter {
		refuse(w, http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
		return
	}
	if !ok || field != "labels" && field != "project" {
		refuse(w, http.StatusBadRequest, "Error in the JQL Query: Expecting operator but got the end of the query.")
		return
	}
	value = strings.Trim(value, `"`)
	found := []any{}
	for _, i := range s.issues {
		if s.unseen[i.Key] > 0 {
			s.unseen[i.Key]--
			continue
		}
		labels, _ := i.Fields["labels"].([]any)
		if (field == "project" && value == "OPS" || slices.Contains(labels, any(value))) && len(found) < in.Max {
			found = append(found, s.show(i, in.Fields))
		}
	}
	answer(w, http.StatusOK, map[string]any{"issues": found})
}

// show is an issue with the fields that are asked for.
func (s *Server) show(i *Issue, fields []string) map[string]any {
	out := map[string]any{"id": strings.TrimPrefix(i.Key, "OPS-"), "key": i.Key}
	shown := map[string]any{}
	for name, value := range i.Fields {
		if slices.Contains(fields, name) || slices.Contains(fields, "*navigable") {
			shown[name] = value
		}
	}
	if slices.Contains(fields, "status") || slices.Contains(fields, "*navigable") {
		shown["status"] = map[string]any{"name": i.Status}
	}
	if len(shown) > 0 {
		out["fields"] = shown
	}
	return out
}

func (s *Server) issue(w http.ResponseWriter, r *http.Request, version string, path []string) {
	i := s.find(path[0])
	if i == nil {
		refuse(w, http.StatusNotFound, missing)
		return
	}
	switch route := r.Method + " " + strings.Join(path[1:], "/"); {
	case route == "GET ":
		answer(w, http.StatusOK, s.show(i, strings.Split(r.FormValue("fields"), ",")))
	case route == "PUT ":
		s.change(w, r, i, version)
	case route == "DELETE ":
		if len(i.Subtasks) > 0 && r.FormValue("deleteSubtasks") != "true" {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("The issue '%s' has subtasks. You must specify the 'deleteSubtasks' parameter to delete this issue and all its subtasks.", i.Key))
			return
		}
		s.issues = slices.DeleteFunc(s.issues, func(o *Issue) bool { return o == i || slices.Contains(i.Subtasks, o.Key) })
		w.WriteHeader(http.StatusNoContent)
	case route == "GET transitions":
		all := []any{}
		for n, to := range workflow[i.Status] {
			all = append(all, map[string]any{"id": strconv.Itoa(n + 1), "name": "go", "to": map[string]any{"name": to}})
		}
		answer(w, http.StatusOK, map[string]any{"transitions": all})
	case route == "POST transitions":
		s.transition(w, r, i)
	case len(path) >= 2 && path[1] == "comment":
		s.comment(w, r, i, version, path[2:])
	default:
		http.Error(w, "", http.StatusMethodNotAllowed)
	}
}

func (s *Server) change(w http.ResponseWriter, r *http.Request, i *Issue, version string) {
	var in struct {
		Fields map[string]any                 `json:"fields"`
		Update map[string][]map[string]string `json:"update"`
	}
	if json.NewDecoder(r.Body).Decode(&in) != nil || !s.fit(w, in.Fields, version) {
		return
	}
	maps.Copy(i.Fields, in.Fields)
	labels, _ := i.Fields["labels"].([]any)
	for _, op := range in.Update["labels"] {
		for verb, label := range op {
			labels = slices.DeleteFunc(slices.Clone(labels), func(l any) bool { return l == label })
			if verb == "add" {
				labels = append(labels, label)
			}
		}
	}
	i.Fields["labels"] = labels
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) transition(w http.ResponseWriter, r *http.Request, i *Issue) {
	var in struct {
		Transition struct {
			ID string `json:"id"`
		} `json:"transition"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in) // then it is none of the ids
	n, err := strconv.Atoi(in.Transition.ID)
	if ways := workflow[i.Status]; err == nil && n >= 1 && n <= len(ways) {
		i.Status = ways[n-1]
		w.WriteHeader(http.StatusNoContent)
		return
	}
	refuse(w, http.StatusBadRequest, "It seems that you have tried to perform an illegal workflow operation.")
}

func (s *Server) comment(w http.ResponseWriter, r *http.Request, i *Issue, version string, path []string) {
	switch {
	case r.Method == http.MethodPost:
		var c Comment
		if json.NewDecoder(r.Body).Decode(&c) != nil || !textual(c.Body, version) {
			refuseField(w, "comment", wrongText(version))
			return
		}
		s.last++
		c.ID = strconv.Itoa(10_000 + s.last)
		i.Comments = append(i.Comments, c)
		answer(w, http.StatusCreated, map[string]any{"id": c.ID})
	case r.Method == http.MethodGet:
		start, _ := strconv.Atoi(r.FormValue("startAt"))
		most, _ := strconv.Atoi(r.FormValue("maxResults"))
		page := []Comment{}
		newest := slices.Clone(i.Comments)
		slices.Reverse(newest)
		for n, c := range newest {
			if r.FormValue("expand") != "properties" {
				c.Properties = nil
			}
			if n >= start && len(page) < most {
				page = append(page, c)
			}
		}
		answer(w, http.StatusOK, map[string]any{"startAt": start, "maxResults": most, "total": len(i.Comments), "comments": page})
	case r.Method == http.MethodDelete && len(path) == 1:
		before := len(i.Comments)
		i.Comments = slices.DeleteFunc(i.Comments, func(c Comment) bool { return c.ID == path[0] })
		if len(i.Comments) == before {
			refuse(w, http.StatusNotFound, "Can not find a comment for the id: "+path[0]+".")
			return
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "", http.StatusMethodNotAllowed)
	}
}
