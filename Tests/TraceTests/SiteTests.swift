import Testing
import Trace

@Suite("Sites")
struct SiteTests {
  @Test("a site's name reads back to itself")
  func names() {
    let sites: [(Site, String)] = [
      (.output, "output"), (.gain, "gain"), (.guided, "guided"), (.stack, "stack"), (.hidden, "hidden"),
      (.rest(after: 1, tail: 0), "rest.1"), (.rest(after: 8, tail: 2), "rest.8.2"),
    ]
    for (site, name) in sites {
      #expect(site.name == name && Site(name: name) == site && "\(site)" == name)
    }
  }

  @Test(
    "anything else names none",
    arguments: [
      "", "Output", "rest", "rest.", "rest.0", "rest.1.0", "rest.01", "rest.1.", "rest.1.2.3", "rest.-1",
      "rest.+1", "stack.1", " output",
    ])
  func wrong(name: String) { #expect(Site(name: name) == nil) }

  @Test("the stretch of each site in a model of four blocks")
  func stretches() {
    func stretch(_ site: Site, _ blocks: Int = 4) -> String {
      guard let (from, to) = site.stretch(blockCount: blocks) else { return "none" }
      return "\(from?.name ?? "nothing") to \(to)"
    }
    #expect(stretch(.output) == "nothing to output")
    #expect(stretch(.gain) == "latent to output")
    #expect(stretch(.guided) == "nothing to guided")
    #expect(stretch(.stack) == "hidden.0 to hidden.4")
    #expect(stretch(.hidden) == "nothing to hidden.4")
    #expect(stretch(.rest(after: 1, tail: 0)) == "block.1 to hidden.4")
    #expect(stretch(.rest(after: 1, tail: 2)) == "block.1 to block.2")
    #expect(stretch(.rest(after: 2, tail: 2)) == "none")
    #expect(stretch(.rest(after: 4, tail: 0)) == "none")
  }

  @Test("what a quantity is called, and from which tap on it is known")
  func quantities() {
    let residual = Quantity(.block(1), minus: .hidden(0))
    #expect("\(residual)" == "block.1-hidden.0" && residual.station == .block(1))
    #expect(Quantity(.latent, minus: .output).station == .output)
    #expect("\(Quantity(.modulated))" == "modulated")
  }
}
