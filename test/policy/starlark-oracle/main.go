// Runs Starlark programs with the Go implementation: one JSON string a line in, what they emitted and whether they failed out.
package main

import (
	"bufio"
	"encoding/json"
	"os"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
)

type answer struct {
	Emitted []string `json:"emitted"`
	Error   string   `json:"error"`
}

func run(program string) answer {
	out := answer{Emitted: []string{}}
	emit := func(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
		out.Emitted = append(out.Emitted, args[0].String())
		return starlark.None, nil
	}
	known := starlark.StringDict{"emit": starlark.NewBuiltin("emit", emit)}
	if _, err := starlark.ExecFile(&starlark.Thread{}, "program", program, known); err != nil {
		out.Error = err.Error()
	}
	return out
}

func main() {
	resolve.AllowNestedDef, resolve.AllowLambda, resolve.AllowGlobalReassign = true, true, true
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<26)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var program string
		if json.Unmarshal(in.Bytes(), &program) != nil {
			os.Exit(1)
		}
		if out.Encode(run(program)) != nil {
			os.Exit(1)
		}
	}
}
