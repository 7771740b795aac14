module example.com/wasm-step

go 1.24
