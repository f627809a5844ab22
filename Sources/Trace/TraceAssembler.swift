/// Makes a journal a trace: what a finished recording and a recovered one have in common.
///
/// Blocks stay where they are in the journal. HDF5's structures, which lead to them, go behind it, and in
/// front goes the superblock, last of all: until then the file is no HDF5 file. It is complete, and if
/// asked for safe on the disk, before it gets its name. Memory: the structures.
enum TraceAssembler {
  /// Gives the journal, which takes up to the last commit of its contents, the name `path` as a trace.
  ///
  /// When that fails, it stays a journal.
  static func finish(
    _ contents: JournalContents, in journal: JournalFile, as path: String, overwrite: Bool, waits: Bool
  ) throws(TraceError) {
    let image = HDF5Image(around: contents.byteCount)
    let file = try HDF5File(creating: image, path: path)
    do {
      try write(contents, to: file.root, image)
      try file.root.attributes.set("digest", contents.digest.description)
      try file.root.attributes.set("complete", UInt8(1))
      try file.close()
      try journal.complete(with: image, waits: waits)
      try checkTarget(path, overwrite: overwrite)
      try journal.move(to: path)
    } catch {
      try? file.close()
      journal.cut(to: contents.byteCount)
      throw error
    }
    if waits { try FileSystem.sync(FileSystem.folder(of: path)) }
  }

  /// Makes a trace under the name `path` from a copy of the journal, and brings it safely to disk.
  static func finish(
    _ contents: JournalContents, inCopyOf journal: JournalFile, as path: String, overwrite: Bool
  ) throws(TraceError) {
    let copy = try JournalFile(creating: freePartialPath(for: path), overwrite: false)
    do {
      try copy.append(contents.byteCount, of: journal)
      try finish(contents, in: copy, as: path, overwrite: overwrite, waits: true)
    } catch {
      copy.remove()
      throw error
    }
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

  /// Removes the unfinished files that an interrupted `finish` of a copy for `path` left; only for who makes sure that
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
    _ contents: JournalContents, to root: HDF5Group, _ image: HDF5Image
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
      let dataset = try tensors(
        tap.name, in: group, layout, description.element, entries: contents.calls.count)
      datasets[UInt16(place)] = dataset
      if description.dtype == .bfloat16 || description.coding != .plain {
        try dataset.attributes.set("wct_dtype", description.dtype.rawValue)
      }
      if description.coding != .plain {
        try dataset.attributes.set("wct_coding", description.coding.rawValue)
      }
    }
    for block in contents.blocks {
      guard let dataset = datasets[block.tap] else {
        preconditionFailure("the journal holds no blocks of other taps")
      }
      try place(block, in: dataset, image)
    }
    try writeColumns(contents, to: root, encoder)
    if let layout = description.finalLayout, contents.hasFinals {
      let dataset = try tensors("final", in: root, layout, .float32, entries: contents.finals.count)
      for (_, latent) in contents.finals.sorted(by: { $0.key < $1.key }) {
        for block in latent.blocks { try place(block, in: dataset, image) }
      }
    }
  }

  private static func place(
    _ block: JournalContents.Block, in dataset: HDF5Dataset, _ image: HDF5Image
  ) throws(TraceError) {
    try dataset.placeBlock(
      at: dataset.offset(of: block.ordinal, block: block.index), block.bytes, of: image)
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
}
