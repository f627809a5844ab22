import ArgumentParser
import Foundation
import Trace

/// Writing and reading (50, 4096, 1024) float16, beside h5py with the same filters and a raw file.
struct StorageBenchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "storage", abstract: "A trace of float16 features beside h5py and a raw file.")

  @Option(help: "Calls, each with one tensor of 4096 x 1024.")
  var calls = 50

  @Option(help: "Repetitions; the contenders take turns within each.")
  var repetitions = 5

  @Option(help: "Where the files go; they take about 1.5 GB.")
  var folder = FileManager.default.temporaryDirectory.path

  @Option(help: "A Python with h5py and hdf5plugin.")
  var python = ".build/python/bin/python"

  @Option(help: "The Python side of this benchmark.")
  var peer = "Benchmarks/python/storage_peer.py"

  func run() throws {
    let (rows, channels) = (4096, 1024)
    let folder = folder + "/wctrace-bench-\(ProcessInfo.processInfo.processIdentifier)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (raw, trace, other) = (folder + "/x.raw", folder + "/x.h5", folder + "/h5py.h5")

    let features = SampleFeatures(rowCount: rows, channelCount: channels)
    let tensors = (0..<calls).map { features.tensor(step: $0, isHalf: true) }
    let halves = tensors.map { tensor in tensor.values.map { Float16($0).bitPattern } }
    try RawFile.write(halves, to: raw)
    let peer = try PythonPeer(python: python, script: self.peer, raw, "\(calls)", "\(rows)", "\(channels)")
    defer { peer.end() }
    let byteCount = calls * rows * channels * 2
    let cores = ProcessInfo.processInfo.activeProcessorCount
    print(
      "(\(calls), \(rows), \(channels)) float16, \(byteCount / 1_000_000) MB, shuffle + zstd 1 + fletcher32")
    print("\(cores) cores, \(try peer.ask("versions")); files in \(folder)")
    print("page cache warm: each file is read right after it was written; nobody waits for the disk\n")

    var journal = Series("wctrace, recorded (before finish)")
    var whole = Series("wctrace, recorded and finished")
    var otherWrite = Series("h5py, written and closed")
    var rawWrite = Series("raw file, written")
    var read = Series("wctrace, read as halves, as h5py does")
    var wideRead = Series("wctrace, read as new float32 tensors")
    var otherRead = Series("h5py, read")
    var rawRead = Series("raw file, read")
    // As in the peer, memory that is used again from call to call.
    var bits = [UInt16](repeating: 0, count: rows * channels)
    for _ in 0..<repetitions {
      // New files: replacing one costs a file system extra, and it would be another's bytes that are waited for.
      for path in [raw, trace, other] { try? FileManager.default.removeItem(atPath: path) }
      let (start, used) = (ContinuousClock.now, Series.usedProcessorSeconds)
      let writer = try journal.measure {
        let writer = try features.writer(trace, callCount: calls, dtype: .float16, durability: .none)
        for (step, tensor) in tensors.enumerated() {
          try writer.append(SampleFeatures.call(step), features: [.hidden(0): tensor])
        }
        return writer
      }
      try writer.finish()
      whole.add((start.duration(to: .now) / .seconds(1), Series.usedProcessorSeconds - used))
      otherWrite.add(try peer.times("write \(other)"))
      try rawWrite.measure { try RawFile.write(halves, to: raw) }

      try read.measure {
        let reader = try TraceReader(path: trace)
        for call in 0..<calls { try reader.read(.hidden(0), calls: call..<call + 1, into: &bits) }
      }
      try wideRead.measure {
        let reader = try TraceReader(path: trace)
        for call in 0..<calls { _ = try reader.feature(.hidden(0), call: call) }
      }
      otherRead.add(try peer.times("read \(other)"))
      try rawRead.measure { try RawFile.read(raw, pieceByteCount: rows * channels * 2) }
    }
    let reader = try TraceReader(path: trace)
    for call in [0, calls / 2, calls - 1] {
      guard try reader.feature(.hidden(0), call: call) == tensors[call] else {
        throw CocoaError(.fileReadCorruptFile)
      }
    }
    let stored = try reader.byteCounts(of: .hidden(0)).stored
    for series in [journal, whole, otherWrite, rawWrite, read, wideRead, otherRead, rawRead] {
      print(series.line(byteCount: byteCount))
    }
    print("\ncompressed \(text(Double(byteCount) / Double(stored), 2)) times")
    func ratio(_ what: String, _ ours: Series, _ other: Series, _ limit: Series, _ bar: Double) {
      let ratio = other.median / ours.median
      print(
        "\(padded(what, 30)) \(text(ratio, 2)) x h5py (bar \(bar): \(ratio >= bar ? "met" : "missed")), "
          + "\(text(limit.median / ours.median, 2)) x raw file")
    }
    ratio("writing, without finish", journal, otherWrite, rawWrite, 2)
    ratio("writing, with finish", whole, otherWrite, rawWrite, 1.5)
    ratio("reading", read, otherRead, rawRead, 2.5)
  }
}
