/// Plain timetables, as `schedule:file=…` reads them: which calls are computed and nothing else.
enum ScheduleRuntime {
  static let json = Runtime(
    name: "json", summary: "the computed calls as JSON, for schedule:file=… and for programs of one's own",
    endings: ["json"], write: { RuntimeFile(try text($0)) }, read: read)
  static let csv = Runtime(
    name: "csv", summary: "the same as a table of chunk, branch, position and computed", endings: ["csv"],
    write: { RuntimeFile(table(try $0.timetable(for: "csv"))) }, read: read)

  private static func text(_ request: RuntimeRequest) throws -> String {
    let timetable = try request.timetable(for: "json")
    func list(_ lane: [Bool]) -> JSONValue {
      .array(lane.indices.filter { lane[$0] }.map { .integer($0) })
    }
    func chunk(_ lanes: [[Bool]]) -> JSONValue {
      .object(lanes.count == 1 ? [("computed", list(lanes[0]))] : [("branches", .array(lanes.map(list)))])
    }
    let chunks = timetable.computed
    return (chunks.count == 1 ? chunk(chunks[0]) : .object([("chunks", .array(chunks.map(chunk)))])).text
  }

  private static func table(_ timetable: Timetable) -> String {
    var lines = ["chunk,branch,position,computed"]
    for (chunk, lanes) in timetable.computed.enumerated() {
      for (branch, lane) in lanes.enumerated() {
        lines += lane.enumerated().map { "\(chunk),\(branch),\($0.offset),\($0.element ? 1 : 0)" }
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func read(_ path: String) throws -> PolicySpec? {
    _ = try ScheduleFile.read(path)
    return PolicySpec(name: "schedule", settings: [.init("file", path)])
  }
}
