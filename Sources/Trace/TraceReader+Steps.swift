import Synchronization

/// Undoes the differences between calls, part of a block by part of a block.
///
/// A value needs those before it, back to one that is stored as it is; the last values are kept, so that
/// reading call after call takes one unpacking each.
struct StepReader: Sendable {
  let features: HDF5Dataset
  /// For each call the one that it is the difference to; nil for those stored as they are.
  let predecessors: [Int?]
  let streams: [Stream]
  let states: [TapState]
  let tap: Tap
  let cache: StepCache

  struct Stream: Hashable {
    var branch: Int
    var expert: Int
  }

  /// Reads a part of a block as numbers.
  func read(
    _ piece: HDF5Dataset.Piece, with decoder: BlockDecoder, into target: UnsafeMutableRawBufferPointer
  ) throws(TraceError) {
    let key = StepCache.Key(tap: tap, stream: streams[piece.entry], block: piece.block, bytes: piece.part)
    var chain: [Int] = []
    var entry: Int? = piece.entry
    let known = cache.find(key)
    var isKnown = false
    while let call = entry {
      if let known, known.entry == call {
        target.copyMemory(from: UnsafeRawBufferPointer(known.numbers.bytes))
        isKnown = true
        break
      }
      chain.append(call)
      entry = predecessors[call]
    }
    let differences = ByteBuffer(byteCount: chain.count > 1 || isKnown ? target.count : 0)
    for (place, call) in chain.reversed().enumerated() {
      var part = piece
      part.entry = call
      guard place > 0 || isKnown else {
        try features.read(part, with: decoder, into: target)
        continue
      }
      try features.read(part, with: decoder, into: differences.bytes)
      StepDelta.advance(
        target, by: UnsafeRawBufferPointer(differences.bytes), elementByteCount: features.element.byteCount)
    }
    guard !chain.isEmpty, states[piece.entry] == .fresh else { return }
    let copy = ByteBuffer(byteCount: target.count)
    copy.bytes.copyMemory(from: UnsafeRawBufferPointer(target))
    cache.put(key, StepCache.Entry(entry: piece.entry, numbers: copy))
  }
}

/// The values that were read last, for each stream and part of a block, up to a total size.
final class StepCache: Sendable {
  struct Key: Hashable {
    var tap: Tap
    var stream: StepReader.Stream
    var block: Int
    var bytes: Range<Int>
  }

  struct Entry {
    var entry: Int
    var numbers: ByteBuffer
    var use = 0
  }

  static let largestByteCount = 64 << 20

  private struct State {
    var entries: [Key: Entry] = [:]
    var byteCount = 0
    var use = 0
  }

  private let state = Mutex(State())

  func find(_ key: Key) -> Entry? {
    state.withLock { state in
      state.use += 1
      state.entries[key]?.use = state.use
      return state.entries[key]
    }
  }

  func put(_ key: Key, _ entry: Entry) {
    let size = entry.numbers.bytes.count
    guard size <= Self.largestByteCount else { return }
    state.withLock { state in
      state.byteCount += size - (state.entries[key]?.numbers.bytes.count ?? 0)
      state.use += 1
      var entry = entry
      entry.use = state.use
      state.entries[key] = entry
      while state.byteCount > Self.largestByteCount,
        let oldest = state.entries.min(by: { $0.value.use < $1.value.use })
      {
        state.byteCount -= oldest.value.numbers.bytes.count
        state.entries[oldest.key] = nil
      }
    }
  }
}

extension TraceReader.RecordedTap {
  /// With what undoes the differences between calls, where there are some.
  func undoing(_ contents: TraceReader.Contents, _ cache: StepCache) -> Self {
    guard contents.coding == .stepDelta else { return self }
    var copy = self
    copy.steps = StepReader(
      features: features,
      predecessors: StreamHistory.predecessors(contents.calls, states).map { before in
        before.flatMap { $0.count % contents.keyInterval == 0 ? nil : $0.call }
      },
      streams: contents.calls.map { StepReader.Stream(branch: $0.branch, expert: $0.expert) },
      states: states, tap: tap, cache: cache)
    return copy
  }

  /// Reads a part of a block as numbers, whatever the coding.
  func read(
    _ piece: HDF5Dataset.Piece, with decoder: BlockDecoder, into target: UnsafeMutableRawBufferPointer
  ) throws(TraceError) {
    guard let steps else { return try features.read(piece, with: decoder, into: target) }
    try steps.read(piece, with: decoder, into: target)
  }
}
