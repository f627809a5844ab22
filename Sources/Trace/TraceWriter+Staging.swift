import Synchronization

// The way of a call's tensors into the journal, on all cores.
extension TraceWriter {
  /// A tensor and what it is stored relative to.
  struct Item: Sendable {
    var tap: Tap
    var tensor: StagedTensor
    var layout: TokenTable
    /// The last fresh value of its stream.
    var previous: StagedTensor?
    /// Whether its blocks hold differences to that.
    var isDelta: Bool
    /// Whether its numbers exist before the blocks are packed.
    var isPrepared: Bool
  }

  /// Whether tensors are stored relative to those before.
  var needsHistory: Bool { description.coding == .stepDelta || description.lossy != nil }

  /// The tensors of a call in the order of the line.
  func items(
    _ call: Call, _ features: [Tap: Tensor], _ histories: inout [Tap: StreamHistory<StagedTensor>],
    _ pool: BufferPool
  ) -> [Item] {
    var items: [Item] = []
    for (place, tap) in description.line.enumerated() {
      guard let layout = description.layout(of: tap) else { continue }
      if needsHistory {
        for ended in histories[tap, default: StreamHistory()].enter(call) { ended.release(to: pool) }
      }
      guard let feature = features[tap] else { continue }
      let before = histories[tap]?.before(call)
      let isLossy = description.lossy != nil
      let tensor = StagedTensor(
        feature, .block, name: tap.name, tap: UInt16(place), ordinal: call.ordinal, as: dtype,
        isRounded: isLossy, pool)
      let isDelta = description.coding == .stepDelta && (before?.count ?? 0) % description.keyInterval != 0
      items.append(
        Item(
          tap: tap, tensor: tensor, layout: layout, previous: before?.value, isDelta: isDelta,
          isPrepared: isLossy))
    }
    return items
  }

  /// Prepares all blocks and gives each tensor its bound.
  func measure(_ items: [Item], _ rule: LossyRule, _ workers: Int) throws(TraceError) -> [Double] {
    let jobs = jobs(items)
    let measured = Mutex([(changes: [Double], largest: Float)](repeating: ([], 0), count: items.count))
    try concurrently(jobs.count, workers: workers, worker: { _ in }) {
      [dtype, path] (_, index: Int) throws(TraceError) in
      let (place, block) = jobs[index]
      try Self.prepare(items[place].tensor, block, dtype, path)
      guard let previous = items[place].previous else { return }
      let part = items[place].tensor.changes(of: block, since: previous, items[place].layout)
      measured.withLock {
        $0[place].changes += part.changes
        $0[place].largest = max($0[place].largest, part.largest)
      }
    }
    return measured.withLock { measured in
      measured.map { changes, largest in
        let bound = rule.bound(changes: changes)
        // The largest numbers of float16 have no multiple above them.
        return dtype == .float16 && Double(largest) + 2 * bound > 65504 ? 0 : bound
      }
    }
  }

  /// Packs the tensors' blocks, writes them to the journal and returns the tensors' hashes.
  ///
  /// While some workers pack, one hashes and one writes what is ready, in order.
  func stage(
    _ items: [Item], _ bounds: [Double]?, in journal: JournalWriter, _ workers: Int
  ) throws(TraceError) -> [UInt64] {
    let jobs = jobs(items)
    let hashing = OrderedLane<Int>()
    let hashes = Mutex((current: XXH64(), done: [UInt64]()))
    let writing = OrderedLane<JournalWriter.SealedRecord>()
    let heads = jobs.enumerated().map { index, job in
      let tensor = items[job.item].tensor
      var record = journal.record(tensor.kind, after: index)
      record.tap = tensor.tap
      record.ordinal = UInt32(tensor.ordinal)
      record.block = UInt32(job.block)
      record.rawByteCount = UInt32(tensor.shape.blockByteCount)
      return record
    }
    try concurrently(jobs.count, workers: workers, worker: { [encoders] in encoders[$0] }) {
      [dtype, path, journalPath] (encoder, index) throws(TraceError) in
      let (place, block) = jobs[index]
      let item = items[place]
      if !item.isPrepared { try Self.prepare(item.tensor, block, dtype, path) }
      if let bound = bounds?[place], bound > 0, !item.tensor.round(block, bound: bound) {
        throw TraceError(
          .invalid, path: path, at: "call \(item.tensor.ordinal)",
          "the values at the tap \(item.tensor.name) cannot be kept within the bound \(bound)")
      }
      hashing.bring(index, at: index) { index in
        let (tensor, block) = (items[jobs[index].item].tensor, jobs[index].block)
        hashes.withLock { hashes in
          tensor.withBytes(of: block) { hashes.current.add($0) }
          guard block == tensor.shape.count - 1 else { return }
          hashes.done.append(hashes.current.value)
          hashes.current = XXH64()
        }
      }
      let room = BlockCodec.largestStoredByteCount(of: item.tensor.shape.blockByteCount)
      let buffer = journal.pool.take(JournalRecord.byteCount(of: room))
      guard let record = Self.seal(item, block, buffer, heads[index], encoder) else {
        throw TraceError(.inputOutput, path: journalPath, "a block cannot be compressed: out of memory")
      }
      try writing.bring(record, at: index) { (record) throws(TraceError) in try journal.stage(record) }
    }
    return hashes.withLock { $0.done }
  }

  private func jobs(_ items: [Item]) -> [(item: Int, block: Int)] {
    items.indices.flatMap { item in (0..<items[item].tensor.shape.count).map { (item, $0) } }
  }

  private static func prepare(
    _ tensor: StagedTensor, _ block: Int, _ dtype: StorageType, _ path: String
  ) throws(TraceError) {
    guard tensor.prepare(block) else {
      throw TraceError(
        .invalid, path: path, at: "call \(tensor.ordinal)",
        "a value at the tap \(tensor.name) is too large for \(dtype); record as float32")
    }
  }

  private static func seal(
    _ item: Item, _ block: Int, _ buffer: ByteBuffer, _ head: JournalRecord, _ encoder: BlockEncoder
  ) -> JournalWriter.SealedRecord? {
    let shape = item.tensor.shape
    let room = buffer[JournalRecord.headByteCount..<buffer.bytes.count - JournalRecord.checksumByteCount]
    func encode(_ bytes: UnsafeRawBufferPointer) -> Int? {
      encoder.encode(
        bytes, elementByteCount: shape.elementByteCount, blockByteCount: shape.blockByteCount, into: room)
    }
    let byteCount = item.tensor.withBytes(of: block) { numbers in
      guard item.isDelta, let previous = item.previous else { return encode(numbers) }
      let differences = ByteBuffer(byteCount: numbers.count)
      previous.withBytes(of: block) {
        StepDelta.encode(
          numbers, after: $0, into: differences.bytes, elementByteCount: shape.elementByteCount)
      }
      return encode(UnsafeRawBufferPointer(differences.bytes))
    }
    guard let byteCount else { return nil }
    var head = head
    head.payloadByteCount = UInt32(byteCount)
    return JournalWriter.SealedRecord(head, in: buffer)
  }
}
