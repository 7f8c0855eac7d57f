// Package pb holds ONNX's messages: onnx.proto is that of the Python package onnx 1.22.0 (Apache License 2.0), onnx.pb.go is generated from it.
//
// With protoc and protoc-gen-go v1.36.12 in the path, it is made anew by
//
//	protoc --go_out=. --go_opt=paths=source_relative --go_opt=Monnx.proto=github.com/adjoint-go/adjoint/graph/onnx/internal/pb onnx.proto
package pb
