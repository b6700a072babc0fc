// Common English words that tasks about letters and their order are made of.

import type { Rng } from '../numeric/rng.ts'

export const WORDS: readonly string[] = `
able about above acid actor after again agree ahead alarm album alive alone angle ankle apple arrow autumn award
baby back badge baker ball banana band bank barn basket beach bean bear beard bench berry bird blanket block boat book bottle bottom bowl branch bread breeze bridge brother brush bucket bus butter button
cabin cake camel camera candle canoe captain carpet carrot castle cattle cedar cellar chair chalk cheese cherry chess chicken circle city clay clock cloud coast coffee coin comet copper corner cotton cousin cradle crayon cricket crown cup curtain
daisy dance danger daughter desert diamond dinner doctor dollar dolphin donkey door dragon dream dress drum duck dust
eagle early earth east echo edge egg eight elbow elephant engine evening eye
fabric factory falcon family farmer father feather fence fern ferry field finger fire fish flag flame flower forest fork fountain fox friend frog fruit
garden garlic gate giant ginger giraffe glass glove goat gold goose grain grape grass green guitar
hammer harbor hat hawk hazel heart hedge helmet hill honey hood horse hotel house
ice igloo image inch ink insect iron island ivory ivy
jacket jar jelly jewel jungle juice
kettle key king kitchen kite kitten knee knife
ladder lake lamp lantern lawn leaf leather lemon letter lettuce lily lion lizard locket lumber lunch
magnet maple marble market meadow melon metal middle milk mill mirror mitten monkey moon morning mother mountain mouse museum music mustard
nail napkin narrow needle nest noise noodle north nose number nut
oak oasis oat ocean office olive onion orange orchard organ otter oven owl oyster
paddle paint palace paper parade parrot peach peanut pear pebble pencil pepper piano picnic pillow pine planet plate pocket pond pony potato puddle pumpkin puppy purple
quail quarter queen quiet quilt
rabbit raccoon radio rain raven ribbon rice river road robin rocket roof root rope rose ruby
saddle sailor salad salt sand school scissors season seed shadow sheep shell shelf ship shoe silver sister sky sleeve smoke snail snow soap sock soldier soup spider spoon spring square squirrel stone storm street sugar summer sunset swallow sweater
table tailor tea teacher temple tennis tent thimble thunder ticket tiger timber tomato tower train tree trumpet tulip tunnel turtle
umbrella uncle under uniform valley velvet village violin voice
wagon wallet walnut water weather weed wheat wheel whistle willow window winter wolf wood wool
yard year yellow young zebra zipper`
  .trim()
  .split(/\s+/)

/** So many different ones of a list, in any order. */
export function someWords(list: readonly string[], count: number, rng: Rng): string[] {
  const words = new Set<string>()
  while (words.size < count) words.add(rng.pick(list))
  return [...words]
}
