//go:build js

// Command wasm gives a page the functions of package playground: adjoint.draw(request) and adjoint.encode(format), which take and return JSON and bytes.
package main

import (
	"encoding/json"
	"fmt"
	"syscall/js"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/playground"
)

func main() {
	s := &playground.Session{}
	js.Global().Set("adjoint", map[string]any{
		"draw":   js.FuncOf(func(_ js.Value, args []js.Value) any { return draw(s, args[0].String()) }),
		"encode": js.FuncOf(func(_ js.Value, args []js.Value) any { return encode(s, args[0].String()) }),
	})
	js.Global().Get("ready").Invoke()
	select {}
}

func draw(s *playground.Session, text string) string {
	var r playground.Request
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		panic(fmt.Sprintf("BUG: the request is no JSON: %v", err))
	}
	data, err := json.Marshal(s.Draw(r))
	if err != nil {
		panic(fmt.Sprintf("BUG: the response is no JSON: %v", err))
	}
	return string(data)
}

// encode returns a file's bytes, or why there is none as text.
func encode(s *playground.Session, format string) any {
	data, err := s.Encode(format)
	if err != nil {
		return err.Error()
	}
	array := js.Global().Get("Uint8Array").New(len(data))
	js.CopyBytesToJS(array, data)
	return array
}
