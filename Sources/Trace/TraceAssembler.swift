/// Makes the trace file from a journal: what a finished recording and a recovered one have in common.
///
/// Blocks go from the journal into the file as they are, after their checksums were verified. The
/// file is complete, and if asked for safe on the disk, before it gets its name. Memory: some blocks.
enum TraceAssembler {
  static func write(
    _ contents: JournalContents, from journal: JournalFile, to path: String, overwrite: Bool,
    waits: Bool
  ) throws(TraceError) {
    let partial = freePartialPath(for: path)
    let file = try HDF5File(creating: partial)
    do {
      try write(contents, from: journal, to: file.root)
      try file.root.attributes.set("digest", contents.digest.description)
      try file.root.attributes.set("complete", UInt8(1))
      try file.flush()
      try file.close()
      if waits { try FileSystem.sync(partial) }
      try checkTarget(path, overwrite: overwrite)
      try FileSystem.move(partial, to: path)
    } catch {
      try? file.close()
      FileSystem.remove(partial)
      throw error
    }
    if waits { try FileSystem.sync(FileSystem.folder(of: path)) }
  }

  /// Throws `exists` when a trace may not be put here.
  static func checkTarget(_ path: String, overwrite: Bool) throws(TraceError) {
    switch FileSystem.kind(of: path) {
    case .nothing: break
    case .file where overwrite: break
    case .file:
      throw TraceError(
        .exists, path: path, "the file exists; pass --force to replace it, or choose another name")
    case .folder, .other: throw TraceError(.exists, path: path, "something that is not a file has this name")
    }
  }

  // Another program's unfinished file is never touched.
  private static func freePartialPath(for path: String) -> String {
    var candidate = path + TraceFormat.unfinishedSuffix
    var number = 2
    while FileSystem.kind(of: candidate) != .nothing {
      candidate = "\(path).\(number)\(TraceFormat.unfinishedSuffix)"
      number += 1
    }
    return candidate
  }

  /// Removes the unfinished files that an interrupted `write` to `path` left; only for who makes sure that
  /// none is under way.
  static func removePartials(of path: String) {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let folder = FileSystem.folder(of: path)
    for other in (try? FileSystem.names(in: folder)) ?? [] where other.hasPrefix(name + ".") {
      let middle = other.dropFirst(name.count)
      guard middle.wholeMatch(of: /(\.[0-9]+)?\.partial/) != nil else { continue }
      let candidate = folder + "/" + other
      // A file of ours is empty or starts as HDF5 does; anything else is not touched.
      guard FileSystem.kind(of: candidate) == .file,
        let (head, byteCount) = try? FileSystem.head(of: candidate, HDF5File.signature.count),
        byteCount == 0 || head == HDF5File.signature || head.allSatisfy({ $0 == 0 })
      else { continue }
      FileSystem.remove(candidate)
    }
  }

  private static func write(
    _ contents: JournalContents, from journal: JournalFile, to root: HDF5Group
  ) throws(TraceError) {
    let encoder = BlockEncoder()
    let description = contents.description
    try write(description, to: root.attributes)
    try write(description.layouts, to: root.makeGroup("layouts"), encoder)
    try write(description.header.conditions, to: root, encoder)
    let group = try root.makeGroup("taps")
    var datasets: [UInt16: HDF5Dataset] = [:]
    for (place, tap) in description.line.enumerated() {
      guard let layout = description.layout(of: tap) else { continue }
      datasets[UInt16(place)] = try tensors(
        tap.name, in: group, layout, description.element, entries: contents.calls.count)
      if description.dtype == .bfloat16 || description.coding != .plain {
        try datasets[UInt16(place)]?.attributes.set("wct_dtype", description.dtype.rawValue)
      }
      if description.coding != .plain {
        try datasets[UInt16(place)]?.attributes.set("wct_coding", description.coding.rawValue)
      }
    }
    try copy(contents.blocks, from: journal, to: datasets)
    try writeColumns(contents, to: root, encoder)
    if let layout = description.finalLayout, contents.hasFinals {
      let final = try tensors("final", in: root, layout, .float32, entries: contents.finals.count)
      for (_, latent) in contents.finals.sorted(by: { $0.key < $1.key }) {
        try copy(latent.blocks, from: journal, to: [JournalRecord.none: final])
      }
    }
  }

  private static func tensors(
    _ name: String, in group: HDF5Group, _ layout: TokenTable, _ element: HDF5Element, entries: Int
  ) throws(TraceError) -> HDF5Dataset {
    let dataset = try HDF5Dataset(
      creatingTensors: name, in: group, element: element, entries: entries, rows: layout.tokens.count,
      channels: layout.channelCount)
    try dataset.attributes.set("layout", layout.name)
    return dataset
  }

  // Blocks that are read and checked at a time, while those before them are written.
  private static let batchCount = 8

  private static func copy(
    _ ranges: [Range<Int>], from journal: JournalFile, to datasets: [UInt16: HDF5Dataset]
  ) throws(TraceError) {
    let room = ranges.reduce(0) { max($0, $1.count) }
    var buffers = (0..<2).map { _ in (0..<batchCount).map { _ in ByteBuffer(byteCount: room) } }
    var read: ArraySlice<Range<Int>> = []
    for first in stride(from: 0, through: ranges.count + batchCount - 1, by: batchCount) {
      let next = ranges[min(first, ranges.count)..<min(first + batchCount, ranges.count)]
      try concurrently(next.count + 1) { [buffers, read] (index: Int) throws(TraceError) in
        guard index > 0 else {
          for (range, buffer) in zip(read, buffers[0]) { try write(range, buffer, journal, to: datasets) }
          return
        }
        let range = next[next.startIndex + index - 1]
        let bytes = buffers[1][index - 1][0..<range.count]
        guard try journal.read(into: bytes, at: range.lowerBound) == range.count,
          JournalRecord.isWhole(UnsafeRawBufferPointer(bytes))
        else { throw changed(journal, range) }
      }
      buffers.swapAt(0, 1)
      read = next
    }
  }

  private static func write(
    _ range: Range<Int>, _ buffer: ByteBuffer, _ journal: JournalFile, to datasets: [UInt16: HDF5Dataset]
  ) throws(TraceError) {
    let head = Array(buffer.bytes[..<JournalRecord.headByteCount])
    guard let record = try? JournalRecord.head(head).record, let dataset = datasets[record.tap] else {
      throw changed(journal, range)
    }
    let start = JournalRecord.headByteCount
    try dataset.writeBlock(
      at: dataset.offset(of: Int(record.ordinal), block: Int(record.block)),
      UnsafeRawBufferPointer(buffer[start..<start + Int(record.payloadByteCount)]))
  }

  private static func changed(_ journal: JournalFile, _ range: Range<Int>) -> TraceError {
    TraceError(
      .corrupt, path: journal.path, at: "byte \(range.lowerBound)",
      "the journal has changed since it was written")
  }
}
