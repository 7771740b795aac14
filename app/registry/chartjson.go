package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// json reads an index that is written in JSON, which is YAML too, as a stream.
func (r *indexReader) json(in io.Reader) ([]string, error) {
	dec := json.NewDecoder(in)
	found := false
	err := object(dec, func(key string) error {
		if key != "entries" {
			return skip(dec)
		}
		found = true
		return object(dec, func(key string) error {
			if key != r.chart {
				return skip(dec)
			}
			return r.jsonEntries(dec)
		})
	})
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, errNoEntries
	}
	return r.versions, nil
}

func (r *indexReader) jsonEntries(dec *json.Decoder) error {
	if err := expect(dec, '['); err != nil {
		return err
	}
	for dec.More() {
		var raw json.RawMessage
		var e struct {
			Version string `json:"version"`
		}
		err := dec.Decode(&raw)
		if err == nil {
			err = json.Unmarshal(raw, &e)
		}
		if err == nil && e.Version == r.wanted && r.wanted != "" && r.kept == nil {
			r.kept = &chartEntry{}
			err = json.Unmarshal(raw, r.kept)
		}
		if err != nil {
			return fmt.Errorf("entry %d of %s: %w", len(r.versions)+1, printable(r.chart), err)
		}
		if err := r.add(e.Version); err != nil {
			return err
		}
	}
	return expect(dec, ']')
}

// object calls member for every key of an object; it must read the value.
func object(dec *json.Decoder, member func(key string) error) error {
	if err := expect(dec, '{'); err != nil {
		return err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		name, ok := key.(string)
		if !ok {
			return errUnreadable
		}
		if err := member(name); err != nil {
			return err
		}
	}
	return expect(dec, '}')
}

func expect(dec *json.Decoder, want json.Delim) error {
	switch got, err := dec.Token(); {
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case err != nil:
		return err
	case got != want:
		return errUnreadable
	}
	return nil
}

// skip reads past one value.
func skip(dec *json.Decoder) error {
	for depth := 0; ; {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}
