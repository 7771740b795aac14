package forge

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

const (
	maxRequestBody = 48 << 20 // GitHub's own ceiling is undocumented; 40 MB was seen to pass
	rateLimit      = 5000
)

// call is one API request while it is being answered. Handlers run with Server.mu held.
type call struct {
	s      *Server
	r      *http.Request
	query  url.Values
	params map[string]string // wildcard parameters
	body   []byte
	actor  actor
	repo   *repo
}

// reply is what a handler answers.
type reply struct {
	status      int
	body        any
	raw         []byte // instead of body
	contentType string // of raw
	header      http.Header
}

type handler func(*call) (reply, error)

func ok(body any) (reply, error)      { return reply{status: http.StatusOK, body: body}, nil }
func created(body any) (reply, error) { return reply{status: http.StatusCreated, body: body}, nil }
func noContent() (reply, error)       { return reply{status: http.StatusNoContent}, nil }

func (c *call) param(name string) string {
	if v, found := c.params[name]; found {
		return v
	}
	return pathParam(c.r, name)
}

// number reads a path parameter that must be a positive integer; anything else is not a resource.
func (c *call) number(name string) (int64, error) {
	n, err := strconv.ParseInt(c.param(name), 10, 64)
	if err != nil || n <= 0 {
		return 0, notFound()
	}
	return n, nil
}

// serve answers one API request on route.
func (s *Server) serve(rt route, params map[string]string, w http.ResponseWriter, r *http.Request) {
	c := &call{s: s, r: r, query: r.URL.Query(), params: params}
	entry := Request{Method: r.Method, Route: rt.template, Path: r.URL.Path}
	w.Header().Set("X-GitHub-Request-Id", strings.ToUpper(uuid.NewString()))
	w.Header().Set("X-GitHub-Media-Type", "github.v3; format=json")

	fault := s.faults.take(r.Method, r.URL.Path)
	if fault != nil && !fault.AfterEffect {
		entry.Status, entry.Injected = fault.Status, true
		s.traffic.record(entry)
		fault.write(w)
		return
	}
	rep, err := s.answer(c, rt)
	entry.Installation = c.actor.installationID()
	if fault != nil {
		entry.Status, entry.Injected = fault.Status, true
		s.traffic.record(entry)
		fault.write(w)
		return
	}
	status, payload := s.prepare(c, w.Header(), rep, err)
	entry.Status = status
	s.traffic.record(entry) // before the client can know, so that it finds its own request in the log
	w.WriteHeader(status)
	_, _ = w.Write(payload)
}

func (s *Server) answer(c *call, rt route) (reply, error) {
	if err := checkHeaders(c.r); err != nil {
		return reply{}, err
	}
	body, err := readBody(c.r)
	if err != nil {
		return reply{}, err
	}
	c.body = body

	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.authenticate(c, rt.access); err != nil {
		return reply{}, err
	}
	if err := s.authorize(c, rt.access); err != nil {
		return reply{}, err
	}
	rep, err := rt.handler(c)
	if err == nil && rep.body != nil {
		// Encoded here because bodies may share slices and maps with the state that the lock guards.
		rep.raw, err = json.Marshal(rep.body)
		rep.contentType = "application/json; charset=utf-8"
	}
	return rep, err
}

func checkHeaders(r *http.Request) error {
	if r.UserAgent() == "" {
		return fail(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header")
	}
	if v := r.Header.Get("X-GitHub-Api-Version"); v != "" && !slices.Contains([]string{"2022-11-28", "2026-03-10"}, v) {
		return badRequest("%q is not a supported API version", v)
	}
	if accept := r.Header.Get("Accept"); accept != "" && !acceptable(accept) {
		return fail(http.StatusUnsupportedMediaType, "Must accept 'application/json'")
	}
	return nil
}

func acceptable(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		media, _, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		if media == "*/*" || media == "application/*" || media == "application/json" ||
			strings.HasPrefix(media, "application/vnd.github") {
			return true
		}
	}
	return false
}

func readBody(r *http.Request) ([]byte, error) {
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, badRequest("Problems decompressing the body")
		}
		in = zr
	}
	body, err := io.ReadAll(io.LimitReader(in, maxRequestBody+1))
	if err != nil {
		return nil, badRequest("Problems reading the body")
	}
	if len(body) > maxRequestBody {
		return nil, fail(http.StatusRequestEntityTooLarge, "Request body is too large")
	}
	if len(body) == 0 {
		return nil, nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	github := strings.HasPrefix(media, "application/vnd.github") && strings.HasSuffix(media, "json")
	if err != nil || media != "application/json" && !github {
		return nil, fail(http.StatusUnsupportedMediaType, "Unsupported Media Type: send application/json")
	}
	if !json.Valid(body) {
		return nil, badRequest("Problems parsing JSON")
	}
	trimmed := bytes.TrimSpace(body)
	if string(trimmed) == "null" { // ghinstallation sends it for a token without options, and GitHub takes it
		return nil, nil
	}
	if trimmed[0] != '{' {
		return nil, badRequest("Body should be a JSON object")
	}
	return body, nil
}

// prepare turns an answer into status, headers and bytes.
func (s *Server) prepare(c *call, h http.Header, rep reply, err error) (int, []byte) {
	if err != nil {
		s.rateHeaders(c, h, 1)
		return s.prepareError(c, h, err)
	}
	for k, v := range rep.header {
		h[k] = v
	}
	if rep.contentType != "" {
		h.Set("Content-Type", rep.contentType)
	}
	if c.r.Method == http.MethodGet && rep.status == http.StatusOK {
		sum := sha256.Sum256(rep.raw)
		etag := `W/"` + hex.EncodeToString(sum[:]) + `"`
		h.Set("ETag", etag)
		h.Set("Cache-Control", "private, max-age=60, s-maxage=60")
		h.Set("Vary", "Accept, Authorization, Cookie, X-GitHub-OTP")
		if strings.TrimPrefix(c.r.Header.Get("If-None-Match"), "W/") == strings.TrimPrefix(etag, "W/") {
			s.rateHeaders(c, h, 0)
			return http.StatusNotModified, nil
		}
	}
	s.rateHeaders(c, h, 1)
	return rep.status, rep.raw
}

func (s *Server) prepareError(c *call, h http.Header, err error) (int, []byte) {
	var ae *apiError
	if !errors.As(err, &ae) {
		s.log.Error("forge answered 500", "method", c.r.Method, "path", c.r.URL.Path, "err", err)
		ae = fail(http.StatusInternalServerError, "Server Error: %v", err)
	}
	for k, v := range ae.header {
		h[k] = v
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	return ae.status, ae.body()
}

// rateHeaders books the cost of a request on the token: one, or nothing for a conditional request that is a 304.
func (s *Server) rateHeaders(c *call, h http.Header, cost int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := 0
	if t := c.actor.token; t != nil {
		t.used += cost
		used = t.used
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(rateLimit))
	h.Set("X-RateLimit-Used", strconv.Itoa(used))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(max(0, rateLimit-used)))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(s.now().Add(resetAfter).Unix(), 10))
	h.Set("X-RateLimit-Resource", "core")
}
