// The compiler, apart from the page, so that the page answers while it works.
"use strict";
importScripts("wasm_exec.js");

globalThis.ready = () => {
  onmessage = ({data: {id, request, format}}) => {
    if (format) postMessage({id, file: adjoint.encode(format)});
    else postMessage({id, answer: JSON.parse(adjoint.draw(JSON.stringify(request)))});
  };
  postMessage({ready: true});
};

(async () => {
  const go = new Go();
  const {instance} = await WebAssembly.instantiateStreaming(fetch("adjoint.wasm"), go.importObject);
  await go.run(instance); // ends only by a failure
  postMessage({failed: "the compiler has stopped"});
})().catch(error => postMessage({failed: String(error)}));
