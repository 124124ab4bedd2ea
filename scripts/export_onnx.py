"""Write the ONNX file of the pretrained networks anew, after their weights have changed."""

from lstmcast.files import write_atomically
from lstmcast.pretraining.export import dump_graph
from lstmcast.pretraining.files import shipped_graph_file, shipped_hash
from lstmcast.pretraining.weights import shipped


def main() -> None:
    """Write the file beside the weights."""
    content = dump_graph(shipped(), shipped_hash())
    write_atomically(shipped_graph_file(), content)
    print(f"wrote {shipped_graph_file()}, {len(content):,} bytes")


if __name__ == "__main__":
    main()
