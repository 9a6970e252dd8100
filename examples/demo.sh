#!/bin/sh
# Indexes the sample collection with the built-in model, asks two questions, exports the tables.
# Usage: demo.sh PATH-TO-FILEINTEL
set -eu

fileintel=$1
here=$(cd "$(dirname "$0")" && pwd)
out=${FILEINTEL_DEMO_OUT:-$(dirname "$here")/demo}

# whatever keys the environment holds: the demo costs nothing and sends nothing anywhere
run() { "$fileintel" --set llm.base_url=builtin --set embedding.base_url=builtin "$@"; }

echo "== documents"
run collections create demo --exist-ok >/dev/null
run documents add demo "$here/kestervag"
echo
echo "== index"
run graphrag index demo --wait
echo
question="Who designed the Gråholm Tidal Barrage, and why was it opened seven years late?"
echo "== a question about particular things (local): $question"
run graphrag query demo "$question" --mode local
echo
question="What are the main conflicts that run through these documents?"
echo "== a question about the whole collection (global): $question"
run graphrag query demo "$question" --mode global
echo
echo "== exported tables (graphrag 3.x parquet, GraphML): $out"
run graphrag export demo "$out" >/dev/null
ls "$out"
cat <<END

== the same with your own folder and your own model server
export OPENAI_BASE_URL=http://localhost:8000/v1 FILEINTEL__LLM__MODEL=your-model   # vLLM, Ollama, any OpenAI-compatible server
$fileintel collections create mine && $fileintel documents add mine ~/path/to/documents
$fileintel graphrag index mine --wait && $fileintel graphrag query mine "your question"
END
