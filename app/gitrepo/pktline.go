package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Packets without content; go-git's reader knows only the first.
const (
	flushPkt       = "0000"
	delimPkt       = "0001"
	responseEndPkt = "0002"
)

// pktReader reads packets from a whole response.
type pktReader struct{ rest []byte }

// errTruncated says that a response ended inside a packet.
var errTruncated = errors.New("truncated response")

// next returns the next packet's content, or its kind when it has none. At the
// end both are empty.
func (p *pktReader) next() (data []byte, special string, err error) {
	if len(p.rest) == 0 {
		return nil, "", nil
	}
	if len(p.rest) < 4 {
		return nil, "", errTruncated
	}
	head := string(p.rest[:4])
	switch head {
	case flushPkt, delimPkt, responseEndPkt:
		p.rest = p.rest[4:]
		return nil, head, nil
	}
	n, err := strconv.ParseUint(head, 16, 16)
	if err != nil || n < 4 {
		return nil, "", fmt.Errorf("not a Git answer: packet length %q", head)
	}
	if int(n) > len(p.rest) {
		return nil, "", errTruncated
	}
	data, p.rest = p.rest[4:n], p.rest[n:]
	if msg, ok := bytes.CutPrefix(data, []byte("ERR ")); ok {
		return nil, "", &serverError{printable(msg)}
	}
	return data, "", nil
}

// line is next for text: done is true at a packet without content and at the
// end.
func (p *pktReader) line() (text string, done bool, err error) {
	data, special, err := p.next()
	if err != nil || special != "" || data == nil {
		return "", true, err
	}
	return strings.TrimSuffix(string(data), "\n"), false, nil
}

// pktWriter builds a request.
type pktWriter struct{ bytes.Buffer }

func (w *pktWriter) linef(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	_, _ = fmt.Fprintf(w, "%04x%s", len(s)+4, s)
}

// demultiplex joins the data band of the packets up to the flush.
func demultiplex(p *pktReader) ([]byte, error) {
	var out bytes.Buffer
	for {
		data, special, err := p.next()
		if err != nil {
			return nil, err
		}
		if special != "" || data == nil {
			return out.Bytes(), nil
		}
		if len(data) == 0 {
			continue
		}
		switch data[0] {
		case 1:
			out.Write(data[1:])
		case 2:
		case 3:
			return nil, &serverError{printable(data[1:])}
		default:
			return nil, fmt.Errorf("unknown side band %d", data[0])
		}
	}
}

// printable makes a server's text fit for an error message: one line, short.
func printable(text []byte) string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(text), " "))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200])
	}
	return s
}
