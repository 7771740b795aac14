package forge

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/cgi"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// serveGit answers git's smart HTTP protocol with git http-backend. Fetches run beside everything else; a push holds the
// server's lock, so that the refs it moved and the events it caused are one step.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	fault := s.faults.take(r.Method, r.URL.Path)
	if fault != nil && !fault.AfterEffect {
		fault.write(w)
		return
	}
	// The answer is held back so that neither a slow nor a vanished client can interrupt a push halfway, and so that it
	// is counted before the client sees it.
	held := newHeldResponse()
	up := s.gitExchange(held, r)
	s.traffic.gitRequest(up, int64(held.body.Len()))
	if fault != nil {
		fault.write(w)
		return
	}
	held.release(w)
}

// gitExchange answers one git request and returns the size of its body.
func (s *Server) gitExchange(w *heldResponse, r *http.Request) int64 {
	service := strings.TrimPrefix(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], "git-")
	if service == "refs" {
		service = strings.TrimPrefix(r.URL.Query().Get("service"), "git-")
	}
	if service != "upload-pack" && service != "receive-pack" {
		http.Error(w, "dumb HTTP is not supported", http.StatusForbidden)
		return 0
	}
	target, who, err := s.gitAccess(r, service)
	if err != nil {
		writeGitError(w, err)
		return 0
	}
	body, err := gitBody(r)
	if err != nil {
		http.Error(w, "unreadable body", http.StatusBadRequest)
		return 0
	}
	if service == "receive-pack" && r.Method == http.MethodPost {
		s.receivePack(w, r, target, who, body)
	} else {
		s.backend(w, r, target, body)
	}
	return int64(len(body))
}

// gitAccess resolves repository and credentials. GitHub takes the token as the password of x-access-token.
func (s *Server) gitAccess(r *http.Request, service string) (*repo, actor, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner, name := pathParam(r, "owner"), pathParam(r, "repo")
	target := s.repos[repoKey(owner+"/"+name)]
	user, password, hasAuth := r.BasicAuth()
	if !hasAuth {
		if target == nil || target.private || service == "receive-pack" {
			return nil, actor{}, fail(http.StatusUnauthorized, "Repository not found.")
		}
		return target, actor{}, nil
	}
	if user != "x-access-token" {
		return nil, actor{}, fail(http.StatusUnauthorized, "Invalid username or token. Password authentication is not supported for Git operations.")
	}
	tok, err := s.lookupToken(password)
	if err != nil {
		return nil, actor{}, fail(http.StatusUnauthorized, "Invalid username or token. Password authentication is not supported for Git operations.")
	}
	who := actor{account: s.app.bot, app: s.app, inst: tok.inst, token: tok}
	if target == nil || target.private && !who.covers(target) {
		return nil, actor{}, fail(http.StatusNotFound, "Repository not found.")
	}
	need := permission{"contents", "read"}
	if service == "receive-pack" {
		need.level = "write"
	}
	if allowed := who.covers(target) && tok.allows(need); !allowed && (target.private || need.level == "write") {
		return nil, actor{}, fail(http.StatusForbidden, "Permission to %s denied to %s.", target.fullName()+".git", who.account.login)
	}
	return target, who, nil
}

func writeGitError(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var ae *apiError
	if errors.As(err, &ae) {
		status = ae.status
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
	}
	http.Error(w, err.Error(), status)
}

// gitBody reads the whole request: CGI cannot take a chunked one, and a push must be parsed before it runs.
func gitBody(r *http.Request) ([]byte, error) {
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		in = zr
	}
	return io.ReadAll(in)
}

func (s *Server) backend(w http.ResponseWriter, r *http.Request, target *repo, body []byte, extra ...string) {
	root := strings.TrimSuffix(target.git.dir, "/"+target.fullName()+".git")
	env := append(s.git.env(),
		"GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=forge",
		"GIT_PROTOCOL="+r.Header.Get("Git-Protocol"))
	env = append(env, extra...)
	in := r.Clone(r.Context())
	in.URL.Path = "/" + target.fullName() + ".git" + gitSuffix(r.URL.Path)
	in.URL.RawPath = ""
	in.Body = io.NopCloser(bytes.NewReader(body))
	in.ContentLength = int64(len(body))
	in.TransferEncoding = nil
	in.Header.Del("Content-Encoding")
	in.Header.Del("Authorization")
	in.Header.Set("Content-Length", "")
	(&cgi.Handler{Path: s.git.backend, Dir: target.git.dir, Env: env, Stderr: io.Discard}).ServeHTTP(w, in)
}

func gitSuffix(path string) string {
	if strings.HasSuffix(path, "/info/refs") {
		return "/info/refs"
	}
	return path[strings.LastIndexByte(path, '/'):]
}

// receivePack runs the push and then does for every ref that moved what GitHub does.
func (s *Server) receivePack(w http.ResponseWriter, r *http.Request, target *repo, who actor, body []byte) {
	request := packp.NewReferenceUpdateRequest()
	if err := request.Decode(bytes.NewReader(body)); err != nil && len(body) > len("0000") {
		http.Error(w, "unreadable push: "+err.Error(), http.StatusBadRequest)
		return
	}
	commands := request.Commands
	s.mu.Lock()
	defer s.mu.Unlock()
	before := map[string]plumbing.Hash{}
	for _, c := range commands {
		before[c.Name.String()] = target.git.ref(c.Name.String())
	}
	s.backend(w, r, target, body, s.refusing(target, who, commands)...)
	target.git.reopen()
	var moved []refMove
	for _, c := range commands {
		name := c.Name.String()
		if now := target.git.ref(name); now != before[name] {
			moved = append(moved, refMove{ref: name, before: before[name], after: now})
		}
	}
	if err := s.refsMoved(target, who, moved); err != nil {
		s.log.Error("forge could not follow a push", "repo", target.fullName(), "err", err)
	}
}

// refusing returns the environment that makes git reject the protected refs of a push one by one, as GitHub does, with
// an update hook. Pushes that touch no protected branch run no hook.
func (s *Server) refusing(target *repo, who actor, commands []*packp.Command) []string {
	var refs []string
	for _, c := range commands {
		branch, isBranch := strings.CutPrefix(c.Name.String(), "refs/heads/")
		if isBranch && s.directPushAllowed(target, who, branch) != nil {
			refs = append(refs, c.Name.String())
		}
	}
	if refs == nil {
		return nil
	}
	return []string{
		"FORGE_PROTECTED=" + strings.Join(refs, " "), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=core.hooksPath", "GIT_CONFIG_VALUE_0=" + s.hooksDir,
	}
}

// heldResponse keeps an answer in memory.
type heldResponse struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newHeldResponse() *heldResponse {
	return &heldResponse{header: http.Header{}, status: http.StatusOK}
}

func (h *heldResponse) Header() http.Header         { return h.header }
func (h *heldResponse) WriteHeader(status int)      { h.status = status }
func (h *heldResponse) Write(p []byte) (int, error) { return h.body.Write(p) }

func (h *heldResponse) release(w http.ResponseWriter) {
	for k, v := range h.header {
		w.Header()[k] = v
	}
	w.WriteHeader(h.status)
	_, _ = w.Write(h.body.Bytes())
}
