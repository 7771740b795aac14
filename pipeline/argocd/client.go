package argocd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Transport sends requests.
type Transport interface {
	// Send sends a request and reads the answer to its end, whatever its status is.
	// Answers that are too long are an error.
	Send(ctx context.Context, r Request) (Answer, error)
}

// Request is one request.
type Request struct {
	Method, URL string
	Header      http.Header
	Body        []byte
}

// Answer is what a server said.
type Answer struct {
	Status int
	Body   []byte
}

// Client calls one Argo CD as the owner of a token.
type Client struct {
	// Server is the address under which the API and the web interface are,
	// "https://argocd.example.com", possibly with a path.
	Server string
	// Token is an API token of an account or of a project's role.
	Token     string
	Transport Transport
}

// Key names an Application.
type Key struct {
	Name string
	// Namespace is where the Application is; empty means Argo CD's own.
	Namespace string
	// Project is the AppProject that it must belong to; empty means any.
	Project string
}

// String is how messages call the Application.
func (k Key) String() string {
	if k.Namespace == "" {
		return k.Name
	}
	return k.Namespace + "/" + k.Name
}

func (k Key) title() string { return "Application " + Line(k.String(), 2*maxMessage) }

// Refresh says what Argo CD does before it answers.
type Refresh string

// What can be done: nothing, comparing with the newest state of the sources, and that
// without trusting any cache.
const (
	NoRefresh     Refresh = ""
	NormalRefresh Refresh = "normal"
	HardRefresh   Refresh = "hard"
)

// CheckServer says what is wrong with the address of a server.
func CheckServer(server string) error {
	u, err := url.Parse(server)
	switch {
	case err != nil:
		return errors.New("server is malformed")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return errors.New("server must begin with https:// or http:// and name a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("server takes neither a user nor a query")
	}
	return nil
}

// Get returns an Application. One that does not exist, and one that the token may not
// see, are the same *[Error], because Argo CD does not tell them apart.
func (c Client) Get(ctx context.Context, k Key, refresh Refresh) (Application, error) {
	query := url.Values{}
	if refresh != NoRefresh {
		query.Set("refresh", string(refresh))
	}
	body, err := c.call(ctx, http.MethodGet, k, "", query, nil)
	if err != nil {
		return Application{}, err
	}
	var app Application
	if err := json.Unmarshal(body, &app); err != nil {
		return Application{}, fmt.Errorf("%s: the answer is not Argo CD's: %w", k.title(), err)
	}
	return app, nil
}

// List returns the names of the Applications that a label selector matches, in the form
// that Kubernetes writes selectors, and that the token may see.
func (c Client) List(ctx context.Context, namespace, selector string) ([]Key, error) {
	query := url.Values{
		"selector": {selector},
		// A list of whole Applications takes megabytes. Servers that do not know fields
		// answer with all.
		"fields": {"items.metadata.name,items.metadata.namespace"},
	}
	body, err := c.call(ctx, http.MethodGet, Key{Namespace: namespace}, "", query, nil)
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Metadata struct{ Name, Namespace string } `json:"metadata"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("applications: the answer is not Argo CD's: %w", err)
	}
	keys := make([]Key, 0, len(list.Items))
	for _, item := range list.Items {
		k := Key{Name: item.Metadata.Name, Namespace: item.Metadata.Namespace}
		if k.Namespace == "" {
			k.Namespace = namespace
		}
		if k.Name != "" {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// Patch applies a JSON Patch to an Application. Argo CD refuses all of it when one of
// its tests does not hold.
func (c Client) Patch(ctx context.Context, k Key, patch []PatchOp) error {
	text, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("%s: %w", k.title(), err)
	}
	_, err = c.call(ctx, http.MethodPatch, k, "", nil, map[string]any{
		"name": k.Name, "appNamespace": k.Namespace, "project": k.Project, "patch": string(text), "patchType": "json",
	})
	return err
}

// Sync has Argo CD begin to sync an Application to the target revisions of its sources,
// which it looks up anew, with the sync options and the retry strategy of the
// Application. It removes nothing, as in Kargo. info is kept with the operation. While
// another operation runs the *[Error] is Busy.
func (c Client) Sync(ctx context.Context, k Key, info []Info) error {
	_, err := c.call(ctx, http.MethodPost, k, "/sync", nil, map[string]any{
		"name": k.Name, "appNamespace": k.Namespace, "project": k.Project, "prune": false, "infos": info,
	})
	return err
}

// Page is the address at which people see an Application.
func (c Client) Page(k Key) string {
	page := c.base() + "/applications/"
	if k.Namespace != "" {
		page += url.PathEscape(k.Namespace) + "/"
	}
	return page + url.PathEscape(k.Name)
}

func (c Client) base() string { return strings.TrimRight(c.Server, "/") }

// call sends a request about an Application, or about all when k has no name, and
// returns the body of an answer that is a 2xx.
func (c Client) call(ctx context.Context, method string, k Key, action string, query url.Values, body any) ([]byte, error) {
	r := Request{
		Method: method, URL: c.base() + "/api/v1/applications",
		Header: http.Header{"Authorization": {"Bearer " + c.Token}, "Accept": {"application/json"}},
	}
	switch k.Name {
	case "":
	case ".", "..": // would lead elsewhere even when escaped
		return nil, fmt.Errorf("%s: this is no name", k.title())
	default:
		r.URL += "/" + url.PathEscape(k.Name) + action
	}
	if body == nil {
		if k.Namespace != "" {
			query.Set("appNamespace", k.Namespace)
		}
		if k.Project != "" {
			query.Set("project", k.Project)
		}
		if len(query) > 0 {
			r.URL += "?" + query.Encode()
		}
	} else {
		var err error
		if r.Body, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("%s: %w", k.title(), err)
		}
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.Transport.Send(ctx, r)
	if err != nil {
		return nil, err
	}
	if answer.Status < 200 || answer.Status > 299 {
		return nil, refusal(k, answer)
	}
	return answer.Body, nil
}
