package expr

import (
	"errors"
	"fmt"
	"reflect"
)

const (
	maxNodes    = 5_000    // of one expression's syntax tree
	maxElements = 100_000  // made by ranges and list literals of one expression, counted by expr
	maxWork     = 32 << 20 // bytes of values worked on in one template
	maxText     = 1 << 20  // bytes that one call may build

	scalarSize = 8
	boxSize    = 16
)

var errTooMuchWork = errors.New("the expression does too much work")

// budget bounds what the expressions of one template may do. expr by itself bounds only
// the memory that ranges and literals take: loops over an existing list, and strings and
// lists that refer to each other, can cost exponentially more than their source is long.
// So each operand and each pass of a loop is charged for its size before it is used.
type budget struct {
	used int
}

func (b *budget) charge(size int) error {
	if b.used += size; b.used > maxWork || b.used < 0 {
		b.used = maxWork + 1
		return errTooMuchWork
	}
	return nil
}

// build charges for a text that is about to be made.
func (b *budget) build(size int) error {
	if size > maxText || size < 0 {
		return fmt.Errorf("the text would be longer than %d bytes", maxText)
	}
	return b.charge(size)
}

// weigh charges for the size that v has when written out, and stops when that is too much.
func (b *budget) weigh(v any) error {
	switch v := v.(type) {
	case nil, bool, int, int64, float64:
		return b.charge(scalarSize)
	case string:
		return b.charge(scalarSize + len(v))
	case []any:
		for _, item := range v {
			if err := b.weigh(item); err != nil {
				return err
			}
		}
		return b.charge(boxSize)
	case map[string]any:
		for key, item := range v {
			if err := b.charge(len(key)); err != nil {
				return err
			}
			if err := b.weigh(item); err != nil {
				return err
			}
		}
		return b.charge(boxSize)
	}
	return b.weighValue(reflect.ValueOf(v))
}

func (b *budget) weighValue(v reflect.Value) error {
	switch v.Kind() { //nolint:exhaustive // the rest are scalars
	case reflect.String:
		return b.charge(scalarSize + v.Len())
	case reflect.Slice, reflect.Array:
		switch v.Type().Elem().Kind() { //nolint:exhaustive // elements of fixed size need no look at each
		case reflect.Interface, reflect.Slice, reflect.Map, reflect.String, reflect.Struct, reflect.Pointer:
			for i := range v.Len() {
				if err := b.weighElement(v.Index(i)); err != nil {
					return err
				}
			}
			return b.charge(boxSize)
		}
		return b.charge(boxSize + v.Len()*scalarSize)
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if err := b.weighElement(it.Key()); err != nil {
				return err
			}
			if err := b.weighElement(it.Value()); err != nil {
				return err
			}
		}
		return b.charge(boxSize)
	case reflect.Struct:
		return b.charge(boxSize * (1 + v.NumField()))
	}
	return b.charge(scalarSize)
}

func (b *budget) weighElement(v reflect.Value) error {
	if v.Kind() == reflect.Interface {
		return b.weigh(v.Interface())
	}
	return b.weighValue(v)
}
