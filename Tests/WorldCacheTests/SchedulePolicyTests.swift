import Testing
import Trace

@testable import WorldCache

@Suite("schedule")
struct SchedulePolicyTests {
  private func picture(_ name: String, _ text: String, calls: Int = 8) throws -> String {
    try Fixture.with(name, text) { path in
      try StreamReplay("schedule:file=\(path)", Synthetic(.still, seed: 1, calls: calls, tokens: 1)).picture
    }
  }

  @Test(
    "every form says the same",
    arguments: [
      ("a.json", "[0, 1, 4, 6]"), ("a.json", "[1, 1, 0, 0, 1, 0, 1, 0]"),
      ("a.json", #"{"computed": [0, 1, 4, 6]}"#),
      ("a.json", #"{"mask": "11001010"}"#), ("a.json", #"{"mask": [1, 1, 0, 0, 1, 0, 1, 0]}"#),
      ("a.json", #"{"steps_computation_mask": [1, 1, 0, 0, 1, 0, 1, 0]}"#),
      // Two computed, two cached, one, one, one, one.
      ("a.json", #"{"compute_bins": [2, 1, 1], "cache_bins": [2, 1, 1]}"#),
      ("a.yaml", "computed: [0, 1, 4, 6]"), ("a.yml", "# by hand\nmask: '11001010'\n"),
      ("a.yaml", "- 0\n- 1\n- 4\n- 6"),
      ("a.csv", "position,computed\n0,1\n1,1\n2,0\n3,0\n4,1\n5,0\n6,1\n7,0\n"),
      ("a.csv", "computed, position\r\n1, 0\r\n1, 1\r\n0, 2\r\n0, 3\r\n1, 4\r\n0, 5\r\n1, 6\r\n0, 7\r\n"),
      ("a.json", #"{"chunks": [{"branches": [[0, 1, 4, 6]]}]}"#),
    ])
  func forms(name: String, text: String) throws {
    #expect(try picture(name, text) == "CCppCpCp")
  }

  @Test("cache-dit's bins with one number fewer end computed")
  func bins() throws {
    // The preset "fast" of cache-dit at 9 steps: 4 + 1 + 1 computed, 1 + 2 cached.
    #expect(
      try picture("a.json", #"{"compute_bins": [4, 1, 1], "cache_bins": [1, 2]}"#, calls: 9) == "CCCCpCppC")
  }

  @Test("branches and chunks have timetables of their own")
  func branches() throws {
    let text = """
      chunks:
        - branches: [[0, 3], {mask: "1010"}]
        - computed: [0, 1]
      """
    try Fixture.with("two.yaml", text) { path in
      let plan = try PolicyRegistry.plan("schedule:file=\(path)")
      let chunks = [0, 1].map { Synthetic(.smooth, seed: 4, branches: 2, calls: 4, tokens: 2, chunk: $0) }
      let streams = try chunks.map { StreamReplay(try plan.policy(for: $0.geometry), over: $0.geometry) }
      #expect(streams[0].lanes.indices.map(streams[0].picture) == ["CppC", "CpCp"])
      // One that serves all branches is still decided branch by branch where others are not.
      #expect(streams[1].lanes.indices.map(streams[1].picture) == ["CCpp", "CCpp"])
      let third = Synthetic(.smooth, seed: 4, branches: 2, calls: 4, tokens: 2, chunk: 2)
      expectPolicyError("\(path) has 2 chunks; the trace has a chunk 2") {
        _ = try plan.policy(for: third.geometry)
      }
      let single = Synthetic(.smooth, seed: 4, calls: 4, tokens: 2)
      expectPolicyError("\(path) has timetables for 2 branches; the trace has 1") {
        _ = try plan.policy(for: single.geometry)
      }
    }
  }

  @Test("the predictor and the site are settings")
  func predictor() throws {
    // 2, 3, 5, 9: order 1 from calls 0 and 1 predicts 4 and 5.
    try Fixture.with("a.json", "[0, 1]") { path in
      let line = Synthetic(tokens: [[2, 3, 5, 9]])
      let hold = try StreamReplay("schedule:file=\(path)", line)
      for (value, expected) in zip(hold.callErrors[0], [0, 0, 2.0 / 5, 6.0 / 9]) {
        expectClose(value, expected, relative: 1e-14)
      }
      let taylor = try StreamReplay("schedule:file=\(path),predictor=taylor", line)
      for (value, expected) in zip(taylor.callErrors[0], [0, 0, 1.0 / 5, 4.0 / 9]) {
        expectClose(value, expected, relative: 1e-14)
      }
      let plan = try PolicyRegistry.plan("schedule:site=gain,file=\(path)")
      #expect(plan.spec.description == "schedule:file=\(path),predictor=hold,site=gain")
      #expect(try plan.request(blockCount: 2)?.site == .gain)
      #expect(taylor.decisions.allSatisfy { $0.reason == .schedule })
    }
  }

  @Test("the file may say how calls are predicted; a specification that says otherwise wins")
  func settings() throws {
    let text =
      #"{"settings": {"predictor": "taylor", "order": 2, "site": "guided"}, "mask": "1101", "found": {"a": 1}}"#
    try Fixture.with("a.json", text) { path in
      try expectSpec(
        "schedule:file=\(path)", "schedule:file=\(path),predictor=taylor,order=2,site=guided")
      try expectSpec(
        "schedule:file=\(path),order=1,site=output",
        "schedule:file=\(path),predictor=taylor,order=1,site=output")
      try expectSpec(
        "schedule:file=\(path),predictor=hold", "schedule:file=\(path),predictor=hold,site=guided")
    }
    try Fixture.with("a.json", "{\"mask\": \"1101\",\n\"settings\": {\"oder\": 2}}") { path in
      do {
        _ = try PolicyRegistry.plan("schedule:file=\(path)")
        Issue.record("nothing was thrown")
      } catch {
        #expect(
          "\(error)".hasPrefix(
            "\(path), line 2: the policy 'schedule' has no setting 'oder' (did you mean 'order'?); it has predictor"
          ))
      }
    }
    try Fixture.with("a.json", #"{"settings": {"order": 9, "predictor": "taylor"}, "mask": "1101"}"#) {
      path in
      expectPolicyError(
        "order=9 of policy 'schedule' is not allowed; it takes a whole number from 0 to 4"
      ) { _ = try PolicyRegistry.plan("schedule:file=\(path)") }
    }
  }

  @Test("what does not fit the chunk is named")
  func misfit() throws {
    func fails(_ name: String, _ text: String, _ settings: String, _ message: String) throws {
      try Fixture.with(name, text) { path in
        expectPolicyError("\(path) \(message)") {
          _ = try StreamReplay(
            "schedule:file=\(path)\(settings)", Synthetic(.still, seed: 1, calls: 8, tokens: 1))
        }
      }
    }
    try fails("a.json", "[1, 0, 1]", "", "has 3 calls for chunk 0, which has 8")
    try fails("a.json", "[0, 8]", "", "computes call 8 of chunk 0, which has the calls 0 to 7")
    try fails(
      "a.json", "[0, 1, 4]", ",predictor=damped",
      "predicts call 2 of chunk 0 after 2 computed calls; the predictor damped needs 3")
    try fails("a.json", #"{"branches": [[0], [0]]}"#, "", "has timetables for 2 branches; the trace has 1")
  }

  @Test("a call where another expert begins must be computed")
  func experts() throws {
    var geometry = Synthetic(.still, seed: 1, calls: 4, tokens: 1).geometry
    var calls = geometry.calls
    for position in 2..<4 { calls[0][position].expert = 1 }
    geometry = Geometry(
      site: .output, calls: calls, tokens: geometry.tokens, modalities: geometry.modalities,
      distances: geometry.distances)
    try Fixture.with("a.json", "[0]") { path in
      expectPolicyError(
        "\(path) predicts call 2 of chunk 0 after 0 computed calls since call 2, where another expert begins; "
          + "the predictor hold needs 1"
      ) { _ = try PolicyRegistry.plan("schedule:file=\(path)").policy(for: geometry) }
    }
    try Fixture.with("a.json", "[0, 2]") { path in
      let policy = try PolicyRegistry.plan("schedule:file=\(path)").policy(for: geometry)
      #expect(StreamReplay(policy, over: geometry).picture == "CpCp")
    }
  }

  @Test(
    "a wrong file is named with its line and what is allowed",
    arguments: [
      ("a.json", "[", ", line 1: this is not JSON: it ends where a value should stand"),
      ("a.json", "[0,\n 1\n 2]", ", line 3: this is not JSON: a comma or ] should follow item 2 of the list"),
      ("a.json", "[0, NaN]", ", line 1: this is not JSON: 'NaN' is no value"),
      ("a.json", "[0] 1", ", line 1: this is not JSON: there is more after the end"),
      (
        "a.json", "[]", ", line 1: the list is empty; call 0 must be computed"
      ),
      ("a.json", "[2, 3]", ", line 1: [0] is '2'; it takes a whole number from 0 to 1"),
      ("a.json", "[0, 3,\n3]", ", line 2: [2] is 3 after 3; positions must ascend"),
      ("a.json", "[1, 0, 2]", ", line 1: [2] is '2'; it takes a whole number from 0 to 1"),
      (
        "a.json", #"{"mask": "1x"}"#,
        ", line 1: mask is '1x'; it takes a list of 0 and 1 (1: computed), or a text of them such as \"1101\""
      ),
      ("a.json", #"{"mask": "01"}"#, ", line 1: mask must begin with 1: call 0 is computed"),
      ("a.json", #"{"computed": [1, 2]}"#, ", line 1: computed must begin with call 0"),
      (
        "a.json", #"{"computd": [0]}"#,
        ", line 1: there is no key 'computd' (did you mean 'computed'?); known are computed, mask, "
          + "steps_computation_mask, compute_bins, cache_bins, branches, chunks, settings, found, valid_for"
      ),
      (
        "a.json", "{\"computed\": [0],\n\"mask\": \"1\"}",
        ", line 1: one of computed, mask, steps_computation_mask, or compute_bins with cache_bins must stand here"
      ),
      (
        "a.json", #"{"compute_bins": [1], "cache_bins": [1, 2]}"#,
        ", line 1: cache_bins has 2 numbers beside 1 compute_bins; it takes as many or one fewer"
      ),
      ("a.json", #"{"chunks": []}"#, ", line 1: chunks is empty"),
      ("a.json", #"{"chunks": [[0]], "mask": "1"}"#, ", line 1: mask must stand within each of the chunks"),
      (
        "a.yaml", "branches: [[0]]\ncomputed: [0]",
        ", line 1: branches stands beside other keys; a timetable for each branch must stand within it"
      ),
      ("a.yaml", "", ", line 1: the file is empty"),
      ("a.txt", "[0]", ": its name must end in .json, .yaml or .yml, so that it is known how to read it"),
      (
        "a.csv", "position\n0\n", ", line 1: the column computed is missing; the first line names the columns"
      ),
      (
        "a.csv", "postion,computed\n0,1\n",
        ", line 1: there is no column 'postion' (did you mean 'position'?); known are chunk, branch, position, computed"
      ),
      ("a.csv", "position,computed\n0,1\n1,2\n", ", line 3: computed is '2'; it takes 0 or 1"),
      (
        "a.csv", "position,computed\n0,1\n2,1\n",
        ", line 3: position is 2 where 1 is next; every call has its row"
      ),
      ("a.csv", "position,computed\n0,0\n", ", line 2: call 0 must be computed"),
      ("a.csv", "position,computed\n0\n", ", line 2: there are 1 cells for 2 columns"),
      (
        "a.csv", "chunk,position,computed\n1,0,1\n",
        ", line 2: chunk 1, branch 0 comes before an earlier one; rows go in order"
      ),
      ("a.csv", "position,computed\n", ", line 1: no rows follow the names of the columns"),
    ])
  func wrong(name: String, text: String, message: String) throws {
    try Fixture.with(name, text) { path in
      expectPolicyError(path + message) { _ = try PolicyRegistry.plan("schedule:file=\(path)") }
    }
  }

  @Test("a missing file and a folder are told apart, and a misspelt key names the right one")
  func files() throws {
    expectPolicyError("/nowhere/a.json: there is no such file") {
      _ = try PolicyRegistry.plan("schedule:file=/nowhere/a.json")
    }
    expectPolicyError("/tmp: this is a folder; name a file") {
      _ = try PolicyRegistry.plan("schedule:file=/tmp")
    }
    expectPolicyError(
      "policy 'schedule' needs file: the name of a .json, .yaml or .csv file"
    ) { _ = try PolicyRegistry.plan("schedule") }
    expectPolicyError(
      "policy 'schedule' has no parameter 'fil' (did you mean 'file'?); it has file, predictor, order, first-enhance, "
        + "sigma, basis, n-max, p-stable, p-chaotic, criterion, quantiles, groups, site, elsewhere"
    ) { _ = try PolicyRegistry.plan("schedule:fil=a.json") }
  }

  @Test("values with commas and quotes stand in double quotes")
  func quoting() throws {
    let written = #"x:a="1,2",b="say \"hi\" \\",c=d"e"#
    let spec = try PolicySpec(parsing: written)
    #expect(spec.settings.map(\.value) == ["1,2", #"say "hi" \"#, #"d"e"#])
    #expect(try PolicySpec(parsing: spec.description) == spec)
    for bad in [#"x:a="1"#, #"x:a="1"2"#, #"x:a="""#] {
      expectPolicyError(
        "the value of 'a' in '\(bad)' begins with a double quote; it must end with one, and have something "
          + "between them"
      ) { _ = try PolicySpec(parsing: bad) }
    }
  }

  private func expectSpec(_ text: String, _ canonical: String) throws {
    let found = try PolicyRegistry.plan(text).spec.description
    #expect(found == canonical)
  }
}
