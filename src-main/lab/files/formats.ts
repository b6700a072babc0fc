// What can be imported, as the command line tells it: the page that the tables of the readers make.
export { formatsPage } from '../../data/formatsPage.ts'
