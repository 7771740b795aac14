package jira

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Doer sends requests; *http.Client is one.
type Doer interface {
	Do(req *http.Request) (*http.Response, error)
}

// Login is where a Jira is and who asks it.
type Login struct {
	// Domain is the address of the site, such as https://acme.atlassian.net; https if
	// it has no scheme.
	Domain string
	// Username and Password are those of an account; in the cloud, its mail address and
	// an API token. Without a Username, Password is a personal access token.
	Username, Password string
}

// Client speaks to one Jira.
type Client struct {
	base  *url.URL
	login Login
	http  Doer
	// isCloud is nil until somebody needs to know.
	isCloud *bool
}

// MaxAnswer bounds an answer, in bytes.
const MaxAnswer = 4 << 20

// New returns a Client. An error says what is wrong with the domain.
func New(l Login, d Doer) (*Client, error) {
	domain := strings.TrimSpace(l.Domain)
	if !strings.Contains(domain, "://") {
		domain = "https://" + domain
	}
	u, err := url.Parse(domain)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the domain is not the address of a Jira such as https://acme.atlassian.net")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	l.Username, l.Password = strings.TrimSpace(l.Username), strings.TrimSpace(l.Password)
	return &Client{base: u, login: l, http: d}, nil
}

// Cloud reports whether it is Jira Cloud, asking it where its name does not say so.
func (c *Client) Cloud(ctx context.Context) (bool, error) {
	if c.isCloud != nil {
		return *c.isCloud, nil
	}
	host := strings.ToLower(c.base.Hostname())
	cloud := host == "api.atlassian.com" || strings.HasSuffix(host, ".atlassian.net")
	if !cloud {
		var info struct {
			DeploymentType string `json:"deploymentType"`
		}
		if err := c.call(ctx, http.MethodGet, "/rest/api/2/serverInfo", nil, &info); err != nil {
			return false, fmt.Errorf("ask what kind of Jira it is: %w", err)
		}
		cloud = info.DeploymentType == "Cloud"
	}
	c.isCloud = &cloud
	return cloud, nil
}

// api is the path of the version that is spoken.
func (c *Client) api(ctx context.Context) (string, error) {
	cloud, err := c.Cloud(ctx)
	if cloud {
		return "/rest/api/3", err
	}
	return "/rest/api/2", err
}

// call sends a request and decodes its answer into out, nil for one that has none. An
// answer that is no 2xx is an *Error.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.login.Username == "" {
		req.Header.Set("Authorization", "Bearer "+c.login.Password)
	} else {
		req.SetBasicAuth(c.login.Username, c.login.Password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the address, which may have JQL in it
		}
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case len(raw) > MaxAnswer:
		return fmt.Errorf("the answer has more than %d bytes", MaxAnswer)
	}
	if refused := refusal(resp, raw); refused != nil {
		return refused
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("an answer that is not Jira's: %w", err)
	}
	return nil
}

// Error is what Jira says instead of doing what it was asked.
type Error struct {
	// Status is that of HTTP; 401 also for a login that Jira took no notice of.
	Status int
	// Messages are Jira's, the fields that they are about among them.
	Messages []string
	// RetryAfter is how long to wait; zero when Jira does not say so.
	RetryAfter time.Duration
}

// Error implements error.
func (e *Error) Error() string {
	said := strings.Join(e.Messages, "; ")
	switch {
	case said != "":
	case e.Status == http.StatusUnauthorized:
		said = "the username and password, or token, are not accepted"
	default:
		said = http.StatusText(e.Status)
	}
	return fmt.Sprintf("jira answers %d: %s", e.Status, said)
}

// IsNotFound reports whether something does not exist, or may not be seen.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound
}

const (
	maxMessages = 5
	maxMessage  = 300
)

// refusal is what an answer says that is no success. Jira treats those whose login
// failed as strangers: it finds nothing for them, and only a header tells.
func refusal(resp *http.Response, raw []byte) error {
	reason := resp.Header.Get("X-Seraph-LoginReason")
	ignored := strings.Contains(reason, "AUTHENTICATED_FAILED") || strings.Contains(reason, "AUTHENTICATION_DENIED")
	if resp.StatusCode >= 200 && resp.StatusCode < 300 && !ignored {
		return nil
	}
	e := &Error{Status: resp.StatusCode}
	if ignored {
		e.Status = http.StatusUnauthorized
		if strings.Contains(reason, "AUTHENTICATION_DENIED") {
			e.Messages = []string{"too many logins failed; somebody has to log in to Jira in a browser first"}
		}
		return e
	}
	var said struct {
		ErrorMessages []string          `json:"errorMessages"`
		Errors        map[string]string `json:"errors"`
		Message       string            `json:"message"`
	}
	if json.Unmarshal(raw, &said) == nil {
		all := said.ErrorMessages
		for _, field := range sorted(said.Errors) {
			all = append(all, field+": "+said.Errors[field])
		}
		if len(all) == 0 && said.Message != "" {
			all = []string{said.Message}
		}
		for _, m := range all[:min(len(all), maxMessages)] {
			e.Messages = append(e.Messages, brief(m))
		}
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(min(seconds, 600)) * time.Second
	}
	return e
}

func brief(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "..."
	}
	return s
}
